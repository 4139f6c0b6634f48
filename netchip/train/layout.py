"""How images and weights lie in memory while a phase trains: channels last, where that is asked for."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from netchip.train.phase import Phase


@contextmanager
def laid_out(phase: Phase, channels_last: bool) -> Generator[None]:
    """The 4-D weights of the phase's model channel by channel of a pixel, if asked for, and as torch has them again at the end."""
    if channels_last:
        lay_out(phase.model)
    try:
        yield
    finally:
        if channels_last:
            _to(phase.model, torch.contiguous_format)


def lay_out(model: nn.Module) -> None:
    """Weights [O, I, H, W] to channels last, in place: convolutions then compute in that order, whatever their input's."""
    _to(model, torch.channels_last)


def batch_like(tensor: Tensor, channels_last: bool) -> Tensor:
    """Images [B, C, H, W] in that order too; every other tensor as it is."""
    return tensor.contiguous(memory_format=torch.channels_last) if channels_last and tensor.ndim == 4 else tensor


def _to(model: nn.Module, order: torch.memory_format) -> None:
    convert: Any = model.to  # whose annotations know no other order than channels last
    convert(memory_format=order)
