"""What evaluation computes once from the weights: quantised weights, products of weights. Dropped as soon as they change."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import torch
from torch import Tensor


class Kept:
    """Results by key, each with the state of the tensors it was computed from. Copies and pickles of it are empty."""

    def __init__(self) -> None:
        self._results: dict[Hashable, tuple[Any, Any]] = {}

    def get(self, key: Hashable, sources: Iterable[Tensor], compute: Callable[[], Any]) -> Any:
        """The result kept under `key`, computed anew where one of `sources` was replaced or written to."""
        state = [(each.data_ptr(), -1 if each.is_inference() else each._version) for each in sources]
        known = self._results.get(key)
        if known is None or known[0] != state:
            known = self._results[key] = (state, compute())
        return known[1]

    def clear(self) -> None:
        """Forgets everything."""
        self._results = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"_results": {}}


def may_keep() -> bool:
    """Whether results may outlive this call: no gradient is wanted, and nothing is being traced."""
    return not torch.is_grad_enabled() and not torch.compiler.is_compiling()
