"""A round in three steps: what maps the weight to coefficients, the sums over all rows, the basis from the sums."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.factored import LARGEST_BASIS
from netchip.methods.smart_exchange.decomposition.fit import Fit
from netchip.methods.smart_exchange.decomposition.rounding import Rounding
from netchip.methods.smart_exchange.decomposition.small_matrices import (
    bounded_inverse,
    mean_diagonal,
    planes,
    product,
    solve_positive,
    with_diagonal,
)

_PASS_VALUES = 1 << 17  # weights that are worked on together: their few copies stay in the cache
INVERSE_RIDGE = 1e-8  # float64: a basis whose condition is below 1e3 has its own inverse

Number = float | Tensor


@dataclass(frozen=True)
class Inputs:
    """What a round works on: `weight` [blocks, width, rows], `squares` WtW and `basis` as planes, `counted` [blocks] values.

    `threshold` of coefficients, relative; `ridge` of the fit; `scale` of the basis, None where it is not to be rounded.
    """

    weight: Tensor
    squares: Tensor
    counted: Tensor
    basis: Tensor
    threshold: float
    ridge: float
    scale: float | None


Round = Callable[[Inputs, Rounding], Fit]
"""Coefficients from a basis, and a new basis from them; its error is that of the rounded basis."""


def eager_round(given: Inputs, rounding: Rounding) -> Fit:
    """A `Round`, operation by operation."""
    map_, cut = mapped(given.squares, given.counted, given.basis, given.threshold, rounding.lowest)
    gram, mixed = summed(given.weight, map_, cut, rounding)
    basis, error = fitted(given.squares, gram, mixed, given.basis, given.ridge, given.scale)
    return Fit.of(map_, gram, mixed, basis, cut, error)


def mapped(squares: Tensor, counted: Tensor, basis: Tensor, threshold: Number, lowest: Number) -> tuple[Tensor, Tensor]:
    """B^-1 / cut as planes, and the cut [blocks]: `threshold` x the root mean square of C = W B^-1, at least `lowest` / 2.

    `squares` WtW and `basis` are planes; `counted` [blocks] values of each block.
    """
    back = bounded_inverse(basis, INVERSE_RIDGE)
    energy = (product(squares, back) * back).sum((0, 1)).clamp(min=0.0)
    cut = torch.clamp(threshold * torch.sqrt(energy / counted), min=lowest / 2)
    return back / cut, cut


def summed(weight: Tensor, map_: Tensor, cut: Tensor, rounding: Rounding) -> tuple[Tensor, Tensor]:
    """CtC and CtW as planes, of the rounded coefficients of `weight` [blocks, width, rows]."""
    gram, mixed = (weight.new_empty(len(weight), weight.shape[1], weight.shape[1]) for _ in range(2))
    for part, powers in coefficients(weight, map_, cut, rounding):
        torch.bmm(powers, powers.transpose(1, 2), out=gram[part])
        torch.bmm(powers, weight[part].transpose(1, 2), out=mixed[part])
    return planes(gram), planes(mixed)


def coefficients(weight: Tensor, map_: Tensor, cut: Tensor, rounding: Rounding) -> Iterator[tuple[slice, Tensor]]:
    """Rounded coefficients [blocks, width, rows] of `weight` in the same layout, run by run."""
    turned = map_.permute(2, 1, 0).to(weight.dtype).contiguous()  # bmm would copy strided ones one by one
    cut = cut.to(weight.dtype).reshape(-1, 1, 1)
    for part in parts(weight):
        yield part, rounding.round_scaled(torch.bmm(turned[part], weight[part]), cut[part])


def parts(weight: Tensor) -> Iterator[slice]:
    """Runs of blocks of a size for the cache."""
    size = max(1, _PASS_VALUES // max(1, weight[:1].numel())) if weight.device.type == "cpu" else len(weight)
    return (slice(start, start + size) for start in range(0, len(weight), size))


def fitted(
    squares: Tensor, gram: Tensor, mixed: Tensor, basis: Tensor, ridge: Number, scale: Number | None
) -> tuple[Tensor, Tensor]:
    """The basis from the sums, and the error it has when rounded to int8 x `scale`.

    The basis is argmin |W - C B|^2 + e |B - basis|^2: what the coefficients do not decide (an empty column) stays as it is.
    """
    added = ridge * mean_diagonal(gram) + torch.finfo(torch.float32).tiny
    step = solve_positive(with_diagonal(gram, added), mixed - product(gram, basis), added)
    found = basis + step
    return found, error_of(squares, gram, mixed, found, scale)


def error_of(squares: Tensor, gram: Tensor, mixed: Tensor, basis: Tensor, scale: Number | None) -> Tensor:
    """|W - C B|^2 of each block, from the sums, with the basis as int8 x `scale`, or as it is for None."""
    if scale is not None:
        basis = torch.clamp(torch.round(basis / scale), -LARGEST_BASIS, LARGEST_BASIS) * scale
    whole = torch.diagonal(squares, dim1=0, dim2=1).sum(-1)
    explained = ((2 * mixed - product(gram, basis)) * basis).sum((0, 1))
    return (whole - explained).clamp(min=0.0)
