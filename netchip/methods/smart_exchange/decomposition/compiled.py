"""A round compiled by torch, for whoever asks: its first call takes a minute, later ones are several times as fast as usual."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from netchip.errors import NetchipWarning
from netchip.methods.smart_exchange.decomposition.fit import Fit
from netchip.methods.smart_exchange.decomposition.rounding import Rounding
from netchip.methods.smart_exchange.decomposition.steps import Inputs, Round, eager_round, fitted, mapped

ROW_MULTIPLE = 64
"""Blocks are filled up with rows of zeros to a multiple of this, so that a network has few shapes to compile for."""

_WIDEST = 5  # rows wider than this run as usual: with every sum written out they would take minutes to compile
_FEWEST_BLOCKS = 16  # fewer run as usual
_NO_COMPILER = "torch cannot compile the decomposition here, so it runs as usual, a few times slower"


@functools.cache
def compiled_round() -> Round:
    """The compiled round of this process. From the first time that compiling fails it runs as usual, with one warning."""
    quick: list[Callable[..., Tensor]] = [torch.compile(_table, fullgraph=True)]

    def run(given: Inputs, rounding: Rounding) -> Fit:
        count, width, _ = given.weight.shape
        if not quick or width > _WIDEST or count < _FEWEST_BLOCKS or given.weight.dtype != torch.float32:
            return eager_round(given, rounding)
        try:
            return Fit(quick[0](*_arguments(given, rounding)), width)
        except (RuntimeError, OSError) as error:  # what torch.compile raises is a RuntimeError
            warnings.warn(f"{_NO_COMPILER} ({type(error).__name__})", NetchipWarning, stacklevel=2)
            quick.clear()
            return eager_round(given, rounding)

    return run


def _arguments(given: Inputs, rounding: Rounding) -> list[Any]:
    """Tensors whose blocks may be as many as they like, and numbers as tensors: each value would be compiled anew."""
    tensors = [given.weight, given.squares.contiguous(), given.counted, given.basis.contiguous()]
    for tensor, dimension in zip(tensors, (0, 2, 0, 2), strict=True):
        torch._dynamo.maybe_mark_dynamic(tensor, dimension)
    numbers = (given.threshold, given.ridge, rounding.lowest, rounding.highest, given.scale)
    return [*tensors, *(None if each is None else torch.tensor(each, dtype=torch.float64) for each in numbers)]


def _table(
    weight: Tensor,
    squares: Tensor,
    counted: Tensor,
    basis: Tensor,
    threshold: Tensor,
    ridge: Tensor,
    lowest: Tensor,
    highest: Tensor,
    scale: Tensor | None,
) -> Tensor:
    """The table of the `Fit`."""
    width = weight.shape[1]
    map_, cut = mapped(squares, counted, basis, threshold, lowest)
    sums = _sums(weight, map_.to(weight.dtype), cut.to(weight.dtype), lowest.to(weight.dtype), highest.to(weight.dtype))
    gram, mixed = sums[:width].to(torch.float64), sums[width:].to(torch.float64)
    found, error = fitted(squares, gram, mixed, basis, ridge, scale)
    return Fit.of(map_, gram, mixed, found, cut, error).table


def _sums(weight: Tensor, map_: Tensor, cut: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """CtC over CtW, [2 width, width, blocks], every sum written out so that one pass over the weights gives them all."""
    width = weight.shape[1]
    columns = [_rounded(_column(weight, map_, index), cut.unsqueeze(-1), lowest, highest) for index in range(width)]
    gram = {(i, j): (columns[i] * columns[j]).sum(-1) for i in range(width) for j in range(i, width)}
    rows = [torch.stack([gram[min(i, j), max(i, j)] for j in range(width)]) for i in range(width)]
    rows += [torch.stack([(columns[i] * weight[:, j]).sum(-1) for j in range(width)]) for i in range(width)]
    return torch.stack(rows)


def _column(weight: Tensor, map_: Tensor, index: int) -> Tensor:
    """One column of C / cut, [blocks, rows]."""
    products = [weight[:, each] * map_[each, index].unsqueeze(-1) for each in range(weight.shape[1])]
    return functools.reduce(torch.add, products)


def _rounded(scaled: Tensor, cut: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """As `Rounding.round_scaled`, in float32."""
    size = torch.clamp(scaled.abs() * cut, lowest, highest)
    power = ((size.view(torch.int32) + ((1 << 22) + 4)) & (-1 << 23)).view(torch.float32)
    signed = torch.where(scaled < 0, -power, power)
    return torch.where(scaled.abs() > 1.0 - 4 * 2.0**-23, signed, 0.0)
