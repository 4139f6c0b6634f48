"""ONNX and ONNX Runtime, which are an extra: imported when first needed, their absence told in one line."""

from typing import Any

from netchip.errors import RequestError


def onnx_library() -> Any:
    """The module onnx, its helper among it; raises `RequestError` where it is not installed."""
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise _missing("onnx") from None
    return onnx


def onnx_runtime() -> Any:
    """The module onnxruntime; raises `RequestError` where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise _missing("onnxruntime") from None
    return onnxruntime


def _missing(name: str) -> RequestError:
    return RequestError(
        f"{name} is not installed; export and execution in ONNX Runtime need it: pip install 'netchip[export]'"
    )
