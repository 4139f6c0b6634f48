"""What is said where ONNX is not installed."""

import sys

import pytest

from netchip.errors import RequestError
from netchip.methods.fractional_skipping.execution.extras import onnx_library, onnx_runtime


def test_absence_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RequestError, match=r"onnx is not installed; .* pip install 'netchip\[export\]'"):
        onnx_library()
    with pytest.raises(RequestError, match=r"onnxruntime is not installed; .* pip install 'netchip\[export\]'"):
        onnx_runtime()
