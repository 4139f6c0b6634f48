"""Weights to compress, one at a time: described first, loaded when they are asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.choosing import Kind


@dataclass(frozen=True)
class Described:
    """A tensor before it is loaded. `kind` and `groups` are those of its layer; "unknown" where there is only its shape."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    kind: Kind = "unknown"
    groups: int = 1

    @property
    def count(self) -> int:
        """How many elements it has."""
        return torch.Size(self.shape).numel()

    @property
    def bytes(self) -> int:
        """Bytes as it is."""
        return self.count * self.dtype.itemsize


@dataclass(frozen=True)
class Weights:
    """Named tensors in order, and the metadata that they came with. `bytes`: the size of the file, or of all tensors."""

    title: str
    tensors: Mapping[str, Described]
    load: Callable[[str], Tensor]
    metadata: Mapping[str, str]
    bytes: int

    @property
    def float32_bytes(self) -> int:
        """Bytes of all tensors, floating-point ones at 32 bits."""
        return sum(each.count * 4 if each.dtype.is_floating_point else each.bytes for each in self.tensors.values())
