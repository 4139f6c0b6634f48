"""What is said where ONNX is not installed or cannot run a model, and a session that runs one."""

import sys
from pathlib import Path

import numpy as np
import pytest

from netchip.errors import MissingExtra, RequestError
from netchip.graph.onnx_extra import onnx_library, onnx_runtime, require_onnx_exporter, results, session

NAMES = {"onnx": onnx_library, "onnxscript": require_onnx_exporter, "onnxruntime": onnx_runtime}


@pytest.mark.parametrize("name", NAMES)
def test_absence_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name != "onnx":
        pytest.importorskip("onnx")
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        MissingExtra, match=rf"an ONNX file needs the package '{name}'.*pip install 'netchip\[export\]'"
    ):
        NAMES[name]()


def test_the_purpose_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match="reading an ONNX file needs"):
        onnx_library("reading an ONNX file")


def test_a_session_runs_a_model_its_bytes_and_its_file(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    onnx = onnx_library()
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, kind, [2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, str(tmp_path / "m.onnx"))
    given = {"x": np.array([1, -2], np.float32)}
    for each in (model, model.SerializeToString(), tmp_path / "m.onnx", str(tmp_path / "m.onnx")):
        assert results(each, given)[0].tolist() == [-1, 2]
    with pytest.raises(RequestError, match="cannot run this model"):
        session(b"no model")
