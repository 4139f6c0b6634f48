"""The iteration of the decomposition over all blocks of a layer at once (arXiv 2005.03403, section III-C, algorithm 1).

Coefficients are rounded to powers of two, the basis is fitted to them, and the coefficients to the basis, again and again. With a
square basis the coefficients follow from it alone, C = W B^-1, so only small matrices are carried from one round to the next; each
block's best round is kept, because with a threshold the error need not fall. A round is judged by its basis rounded to int8, but
the next one starts from the basis that is not: rounding it at each step would hold small steps back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.factored import LARGEST_BASIS
from netchip.methods.smart_exchange.decomposition.fit import Fit, joined
from netchip.methods.smart_exchange.decomposition.rounding import Rounding
from netchip.methods.smart_exchange.decomposition.small_matrices import bounded_inverse, planes
from netchip.methods.smart_exchange.decomposition.steps import (
    INVERSE_RIDGE,
    Inputs,
    Round,
    coefficients,
    eager_round,
    error_of,
    parts,
)

_CHUNK_BLOCKS = 1 << 13  # whose small matrices are worked on together
_WORTH_LEAVING = 0.75  # share of blocks that go on at which the finished ones are left behind
_SCALE_STEPS = 9  # scales of the basis that are tried: from the largest value down to 1/16 of it, by half powers of two


@dataclass(frozen=True)
class Rules:
    """What stays the same for all blocks and rounds. `basis_scale`: None while it is not known, or not to be applied."""

    rounding: Rounding
    element_threshold: float
    ridge: float
    iterations: int
    basis_scale: float | None = None
    round: Round = eager_round

    @property
    def steady_ridge(self) -> float:
        """`ridge`, or what the sums of this float type need."""
        return max(self.ridge, 16 * torch.finfo(self.rounding.dtype).eps)


@dataclass(frozen=True)
class Blocks:
    """Blocks of the normalised weight, [blocks, width, rows], its squares WtW as planes, and how many values count in each."""

    weight: Tensor
    squares: Tensor
    counted: Tensor

    @property
    def energy(self) -> float:
        """The squares of all values."""
        return float(torch.diagonal(self.squares, dim1=0, dim2=1).sum())

    def chunks(self) -> Iterator[tuple[slice, "Blocks"]]:
        """Runs of blocks that go through the rounds together."""
        for start in range(0, len(self.weight), _CHUNK_BLOCKS):
            part = slice(start, start + _CHUNK_BLOCKS)
            yield part, self.chosen(part)

    def chosen(self, index: Tensor | slice) -> "Blocks":
        """The blocks of `index`."""
        return Blocks(self.weight[index], self.squares[..., index], self.counted[index])


def blocks_of(weight: Tensor, counted: Tensor, row_multiple: int = 1) -> Blocks:
    """`Blocks` of a normalised weight [blocks, rows, width]; `counted` [blocks]: values that are neither filled up nor masked."""
    turned = weight.transpose(1, 2)
    missing = -turned.shape[2] % row_multiple
    turned = torch.nn.functional.pad(turned, (0, missing)) if missing else turned.contiguous()
    squares = planes(torch.cat([torch.bmm(turned[part], turned[part].transpose(1, 2)) for part in parts(turned)]))
    return Blocks(turned, squares, counted.to(torch.float64).clamp(min=1.0))


def levels_of(blocks: Blocks, fit: Fit, rounding: Rounding, rows: int) -> Tensor:
    """int8 [blocks, rows, width]: the coefficients of `fit` as levels."""
    passes = coefficients(blocks.weight, fit.map, fit.cut, rounding)
    return torch.cat([rounding.levels(powers).transpose(1, 2)[:, :rows] for _, powers in passes])


def largest_coefficient(weight: Tensor, basis: Tensor) -> float:
    """The largest |W B^-1| of blocks [blocks, rows, width] and planes `basis`."""
    back = bounded_inverse(basis, INVERSE_RIDGE).permute(2, 0, 1).to(weight.dtype).contiguous()
    return float(torch.bmm(weight, back).abs().amax())


def one_round(blocks: Blocks, basis: Tensor, rules: Rules) -> Fit:
    """Coefficients from `basis`, and a new basis from them; its error is that of the rounded basis, once the scale is known."""
    given = Inputs(
        blocks.weight,
        blocks.squares,
        blocks.counted,
        basis,
        rules.element_threshold,
        rules.steady_ridge,
        rules.basis_scale,
    )
    return rules.round(given, rules.rounding)


def judged(fit: Fit, blocks: Blocks, scale: float | None) -> Fit:
    """`fit` with the error that it has once its basis is int8 x `scale`; with the basis as it is for None."""
    return fit.with_error(error_of(blocks.squares, fit.gram, fit.mixed, fit.basis, scale))


def first_fit(blocks: Blocks, basis: Tensor, rules: Rules) -> Fit:
    """One round over all chunks, its error that of a basis that is not rounded."""
    free = replace(rules, basis_scale=None)
    return joined([one_round(chunk, basis[..., part], free) for part, chunk in blocks.chunks()])


def best_scale(fit: Fit, blocks: Blocks) -> float:
    """The scale of the layer's int8 basis, a float32 value, that gives the smallest error over all blocks.

    The largest value / 127, or less, where a few odd blocks would cost all others their precision.
    """
    used = torch.diagonal(fit.gram, dim1=0, dim2=1).sum(-1) > 0
    largest = float((fit.basis.abs() * used).amax()) or 1.0
    scales = [_float32(largest / LARGEST_BASIS * 2.0 ** (-step / 2)) for step in range(_SCALE_STEPS)]
    errors = [float(error_of(blocks.squares, fit.gram, fit.mixed, fit.basis, scale).sum()) for scale in scales]
    return scales[errors.index(min(errors))]


def _float32(value: float) -> float:
    return float(torch.tensor(value, dtype=torch.float32))


def iterate(blocks: Blocks, first: Fit, rules: Rules) -> tuple[Fit, Tensor]:
    """The best of `rules.iterations` rounds, `first` being one of them, and the squared error after each, float64 [iterations]."""
    errors = torch.zeros(rules.iterations, dtype=torch.float64, device=blocks.weight.device)
    best = [_iterate_chunk(chunk, first.chosen(part), rules, errors) for part, chunk in blocks.chunks()]
    return joined(best), errors


def _iterate_chunk(blocks: Blocks, first: Fit, rules: Rules, errors: Tensor) -> Fit:
    """The rounds of one chunk; a block whose coefficients stay the same is finished, and is carried no further."""
    best, latest, finished_error = first, first, 0.0
    alive = torch.arange(len(blocks.weight), device=blocks.weight.device)
    result = first.chosen(alive)
    errors[0] += first.error.sum()
    for iteration in range(1, rules.iterations):
        before, latest = latest, one_round(blocks, latest.basis, rules)
        best = best.better_of(latest)
        errors[iteration] += best.error.sum() + finished_error
        moving = before.moving(latest)
        if moving.numel() <= _WORTH_LEAVING * alive.numel():
            result.put(alive, best)
            blocks, best, latest, alive = (
                blocks.chosen(moving),
                best.chosen(moving),
                latest.chosen(moving),
                alive[moving],
            )
            finished_error = result.error.sum() - best.error.sum()
        if not alive.numel():
            errors[iteration + 1 :] += finished_error
            break
    result.put(alive, best)
    return result
