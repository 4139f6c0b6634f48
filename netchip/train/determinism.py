"""The same bytes at every run, on a GPU too: what torch needs to be told for it."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch


@contextmanager
def deterministic(wanted: bool, device: torch.device) -> Generator[None]:
    """On CUDA, if `wanted`, torch takes kernels that always add in the same order; a CPU does so anyway, at an equal thread count.

    An operator that has no such kernel runs as it is, with torch's own warning. What was set before is set again at the end.
    """
    if not wanted or device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when its first handle is made
    cudnn, memory = cast("Any", torch.backends.cudnn), cast("Any", torch.utils).deterministic
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        cudnn.benchmark,
        memory.fill_uninitialized_memory,
    )
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        cudnn.benchmark = memory.fill_uninitialized_memory = False
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.benchmark, memory.fill_uninitialized_memory = before[2:]
