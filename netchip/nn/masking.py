"""Channel masks: zeroing some channels of a tensor, or of what enters a module."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


def zero_channels(x: Tensor, keep: Tensor, dim: int = 1) -> Tensor:
    """`x` with the channels along `dim` zeroed where `keep` [C] (boolean) is false, whatever they held (NaN too)."""
    shape = [1] * x.ndim
    shape[dim] = -1
    return torch.where(keep.view(shape).to(x.device), x, torch.zeros((), dtype=x.dtype, device=x.device))


def mask_input(module: nn.Module, keep: Tensor, dim: int = 1) -> RemovableHandle:
    """From now on `module` sees its first input with channels zeroed where `keep` [C] is false; `.remove()` ends it."""

    def masked(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        first, *rest = inputs
        return (zero_channels(first, keep, dim), *rest)

    return module.register_forward_pre_hook(masked)
