"""The iteration of the decomposition over all blocks of a layer at once (arXiv 2005.03403, section III-C, algorithm 1).

Coefficients are rounded to powers of two, the basis is fitted to them, and the coefficients to the basis, again and again. With a
square basis the coefficients follow from it alone, C = W B^-1, so only small matrices are carried from one round to the next; each
block's best round is kept, because with a threshold the error need not fall. A round is judged by its basis rounded to int8, but
the next one starts from the basis that is not: rounding it at each step would hold small steps back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.factored import LARGEST_BASIS
from netchip.methods.smart_exchange.decomposition.rounding import Rounding
from netchip.methods.smart_exchange.decomposition.small_matrices import (
    bounded_inverse,
    mean_diagonal,
    planes,
    product,
    solve_positive,
    with_diagonal,
)

_CHUNK_BLOCKS = 1 << 13  # whose small matrices are worked on together
_PASS_VALUES = 1 << 17  # weights that are worked on together: their few copies stay in the cache
_INVERSE_RIDGE = 1e-8  # float64: a basis whose condition is below 1e3 has its own inverse
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

    def chunks(self) -> Iterator["Blocks"]:
        """Runs of blocks that go through the rounds together."""
        for start in range(0, len(self.weight), _CHUNK_BLOCKS):
            part = slice(start, start + _CHUNK_BLOCKS)
            yield Blocks(self.weight[part], self.squares[..., part], self.counted[part])

    def chosen(self, index: Tensor) -> "Blocks":
        """The blocks of `index`."""
        return Blocks(self.weight[index], self.squares[..., index], self.counted[index])


@dataclass(frozen=True)
class Fit:
    """Factors of blocks: coefficients as `map` and `cut` (C / cut = W map, then rounded), the basis, the squared error.

    `gram` is CtC and `mixed` CtW, of the rounded coefficients. All float64 planes with the blocks last.
    """

    map: Tensor
    cut: Tensor
    gram: Tensor
    mixed: Tensor
    basis: Tensor
    error: Tensor

    def better_of(self, other: "Fit") -> "Fit":
        """Block by block the one with the smaller error; this one where they are equal."""
        worse = other.error < self.error
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return Fit(*(torch.where(worse, theirs, ours) for ours, theirs in pairs))

    def chosen(self, index: Tensor) -> "Fit":
        """The blocks of `index`."""
        return Fit(*(getattr(self, field.name)[..., index] for field in fields(self)))

    def put(self, index: Tensor, other: "Fit") -> None:
        """Blocks `index` become those of `other`."""
        for field in fields(self):
            getattr(self, field.name)[..., index] = getattr(other, field.name)


def blocks_of(weight: Tensor, counted: Tensor) -> Blocks:
    """`Blocks` of a normalised weight [blocks, rows, width]; `counted` [blocks]: values that are neither filled up nor masked."""
    weight = weight.transpose(1, 2).contiguous()
    squares = planes(torch.cat([torch.bmm(weight[part], weight[part].transpose(1, 2)) for part in _parts(weight)]))
    return Blocks(weight, squares, counted.to(torch.float64).clamp(min=1.0))


def levels_of(blocks: Blocks, fit: Fit, rounding: Rounding) -> Tensor:
    """int8 [blocks, rows, width]: the coefficients of `fit` as levels."""
    passes = _passes(blocks.weight, fit.map, fit.cut, rounding)
    return torch.cat([rounding.levels(powers).transpose(1, 2) for _, powers in passes])


def _passes(weight: Tensor, map_: Tensor, cut: Tensor, rounding: Rounding) -> Iterator[tuple[slice, Tensor]]:
    """Rounded coefficients [blocks, width, rows] of `weight` in the same layout, run by run."""
    turned = map_.permute(2, 1, 0).to(weight.dtype).contiguous()  # bmm would copy strided ones one by one
    cut = cut.to(weight.dtype).reshape(-1, 1, 1)
    for part in _parts(weight):
        yield part, rounding.round_scaled(torch.bmm(turned[part], weight[part]), cut[part])


def _parts(weight: Tensor) -> Iterator[slice]:
    size = max(1, _PASS_VALUES // max(1, weight[:1].numel())) if weight.device.type == "cpu" else len(weight)
    return (slice(start, start + size) for start in range(0, len(weight), size))


def largest_coefficient(weight: Tensor, basis: Tensor) -> float:
    """The largest |W B^-1| of blocks [blocks, rows, width] and planes `basis`."""
    back = bounded_inverse(basis, _INVERSE_RIDGE).permute(2, 0, 1).to(weight.dtype).contiguous()
    return float(torch.bmm(weight, back).abs().amax())


def one_round(blocks: Blocks, basis: Tensor, rules: Rules) -> Fit:
    """Coefficients from `basis`, and a new basis from them; its error is that of the rounded basis, once the scale is known."""
    back = bounded_inverse(basis, _INVERSE_RIDGE)
    energy = (product(blocks.squares, back) * back).sum((0, 1)).clamp(min=0.0)
    threshold = rules.element_threshold * torch.sqrt(energy / blocks.counted)
    cut = threshold.clamp(min=rules.rounding.lowest / 2)
    map_ = back / cut
    gram, mixed = _sums(blocks.weight, map_, cut, rules.rounding)
    fitted = refit(gram, mixed, basis, rules.steady_ridge)
    unknown = torch.full_like(cut, torch.inf)
    return judged(Fit(map_, cut, gram, mixed, fitted, unknown), blocks, rules.basis_scale)


def _sums(weight: Tensor, map_: Tensor, cut: Tensor, rounding: Rounding) -> tuple[Tensor, Tensor]:
    """CtC and CtW as planes."""
    gram, mixed = (weight.new_empty(len(weight), weight.shape[1], weight.shape[1]) for _ in range(2))
    for part, powers in _passes(weight, map_, cut, rounding):
        torch.bmm(powers, powers.transpose(1, 2), out=gram[part])
        torch.bmm(powers, weight[part].transpose(1, 2), out=mixed[part])
    return planes(gram), planes(mixed)


def refit(gram: Tensor, mixed: Tensor, basis: Tensor, ridge: float) -> Tensor:
    """argmin |W - C B|^2 + e |B - basis|^2: what the coefficients do not decide (an empty column) stays as it is."""
    added = ridge * mean_diagonal(gram) + torch.finfo(torch.float32).tiny
    step = solve_positive(with_diagonal(gram, added), mixed - product(gram, basis), added)
    return basis + step


def judged(fit: Fit, blocks: Blocks, scale: float | None) -> Fit:
    """`fit` with the error that it has once its basis is int8 x `scale`; with the basis as it is for None."""
    basis = fit.basis if scale is None else _on_grid(fit.basis, scale)
    return replace(fit, error=_error(fit, basis, blocks))


def _on_grid(basis: Tensor, scale: float) -> Tensor:
    return torch.clamp(torch.round(basis / scale), -LARGEST_BASIS, LARGEST_BASIS) * scale


def _error(fit: Fit, basis: Tensor, blocks: Blocks) -> Tensor:
    """|W - C B|^2 of each block, from the sums."""
    whole = torch.diagonal(blocks.squares, dim1=0, dim2=1).sum(-1)
    explained = ((2 * fit.mixed - product(fit.gram, basis)) * basis).sum((0, 1))
    return (whole - explained).clamp(min=0.0)


def first_fit(blocks: Blocks, basis: Tensor, rules: Rules) -> Fit:
    """One round over all chunks, its error that of a basis that is not rounded."""
    free = replace(rules, basis_scale=None)
    starts = basis.split([part.weight.shape[0] for part in blocks.chunks()], dim=-1)
    fits = [one_round(part, start, free) for part, start in zip(blocks.chunks(), starts, strict=True)]
    return Fit(*(torch.cat([getattr(fit, field.name) for fit in fits], dim=-1) for field in fields(Fit)))


def best_scale(fit: Fit, blocks: Blocks) -> float:
    """The scale of the layer's int8 basis, a float32 value, that gives the smallest error over all blocks.

    The largest value / 127, or less, where a few odd blocks would cost all others their precision.
    """
    used = torch.diagonal(fit.gram, dim1=0, dim2=1).sum(-1) > 0
    largest = float((fit.basis.abs() * used).amax()) or 1.0
    scales = [_float32(largest / LARGEST_BASIS * 2.0 ** (-step / 2)) for step in range(_SCALE_STEPS)]
    return min(scales, key=lambda scale: float(judged(fit, blocks, scale).error.sum()))


def _float32(value: float) -> float:
    return float(torch.tensor(value, dtype=torch.float32))


def iterate(blocks: Blocks, first: Fit, rules: Rules) -> tuple[Fit, Tensor]:
    """The best of `rules.iterations` rounds, `first` being one of them, and the squared error after each, float64 [iterations]."""
    errors = torch.zeros(rules.iterations, dtype=torch.float64, device=blocks.weight.device)
    sizes = [part.weight.shape[0] for part in blocks.chunks()]
    best, start = [], 0
    for part, size in zip(blocks.chunks(), sizes, strict=True):
        index = torch.arange(start, start + size, device=blocks.weight.device)
        best.append(_iterate_chunk(part, first.chosen(index), rules, errors))
        start += size
    return Fit(*(torch.cat([getattr(fit, field.name) for fit in best], dim=-1) for field in fields(Fit))), errors


def _iterate_chunk(blocks: Blocks, first: Fit, rules: Rules, errors: Tensor) -> Fit:
    """The rounds of one chunk; a block whose coefficients stay the same is finished, and is carried no further."""
    best, latest, finished_error = first, first, 0.0
    alive = torch.arange(first.cut.shape[0], device=first.cut.device)
    result = first.chosen(alive)
    errors[0] += first.error.sum()
    for iteration in range(1, rules.iterations):
        before, latest = latest, one_round(blocks, latest.basis, rules)
        best = best.better_of(latest)
        errors[iteration] += best.error.sum() + finished_error
        moving = _moving(before, latest)
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


def _moving(before: Fit, after: Fit) -> Tensor:
    """Indices of blocks whose rounded coefficients have changed, as their sums tell."""
    return ((before.gram != after.gram) | (before.mixed != after.mixed)).flatten(0, 1).any(0).nonzero().squeeze(-1)
