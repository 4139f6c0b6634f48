"""ONNX Runtime sessions, with its absence told in one line."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netchip.errors import RequestError
from netchip.methods.fractional_skipping.execution.extras import onnx_runtime


def session(model: Any, threads: int = 1) -> Any:
    """A session on the CPU for a model (an onnx.ModelProto, its bytes, or a file's path) on so many threads.

    Raises `RequestError` where ONNX Runtime is not installed or cannot run the model.
    """
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    given = model.SerializeToString() if hasattr(model, "SerializeToString") else model
    try:
        return runtime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        told = str(error).strip().splitlines()[0]
        raise RequestError(
            f"ONNX Runtime {runtime.__version__} cannot run this model ({told}); export it again"
        ) from error


def results(model: Any, given: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> list[np.ndarray]:
    """What `model` computes, once."""
    return session(model).run(None if outputs is None else list(outputs), dict(given))
