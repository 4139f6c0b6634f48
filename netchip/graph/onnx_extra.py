"""ONNX and ONNX Runtime, which are an extra: imported when first needed, their absence told in one line; sessions of models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from netchip.errors import MissingExtra, RequestError, first_line

_EXTRA = "export"


def onnx_library(purpose: str = "writing an ONNX file") -> Any:
    """The module onnx with its checker, helper, inliner, numpy_helper and shape_inference; raises `MissingExtra` without it."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.inliner
        import onnx.numpy_helper
        import onnx.shape_inference
    except ImportError as error:
        raise MissingExtra("onnx", _EXTRA, purpose) from error
    return onnx


def require_onnx_exporter() -> None:
    """Raises `MissingExtra` where torch cannot write ONNX, for want of onnx or onnxscript."""
    purpose = "writing an ONNX file"
    onnx_library(purpose)
    try:
        import onnxscript  # noqa: F401 (torch imports it)
    except ImportError as error:
        raise MissingExtra("onnxscript", _EXTRA, purpose) from error


def onnx_runtime() -> Any:
    """The module onnxruntime; raises `MissingExtra` where it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra("onnxruntime", _EXTRA, "running an ONNX file") from error
    return onnxruntime


def session(
    model: Any, threads: int = 1, settings: Mapping[str, str] | None = None, *, optimized: Path | None = None
) -> Any:
    """A session on the CPU for a model (an onnx.ModelProto, its bytes, or a file's path) on so many threads.

    `settings` are ONNX Runtime's own, by their names; `optimized` is where it writes the graph that it really runs.
    Raises `MissingExtra` without ONNX Runtime, `RequestError` where it cannot run the model.
    """
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    for name, value in (settings or {}).items():
        options.add_session_config_entry(name, value)
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    given = model.SerializeToString() if hasattr(model, "SerializeToString") else model
    try:
        return runtime.InferenceSession(
            str(given) if isinstance(given, Path) else given, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise RequestError(
            f"ONNX Runtime {runtime.__version__} cannot run this model ({first_line(error)}); export it again"
        ) from error


def results(model: Any, given: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> list[np.ndarray]:
    """What `model` computes, once."""
    return session(model).run(None if outputs is None else list(outputs), dict(given))
