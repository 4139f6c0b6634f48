"""A weight as C B, C zero or signed powers of two and B a small int8 basis for each block (arXiv 2005.03403, section III).

factored = decompose(weight, tiling_for(weight.shape))
weight = factored.weight()
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.compiled import ROW_MULTIPLE, compiled_round
from netchip.methods.smart_exchange.decomposition.factored import LARGEST_BASIS, Factored
from netchip.methods.smart_exchange.decomposition.fit import Fit
from netchip.methods.smart_exchange.decomposition.iteration import (
    Blocks,
    Rules,
    best_scale,
    blocks_of,
    first_fit,
    iterate,
    judged,
    largest_coefficient,
    levels_of,
)
from netchip.methods.smart_exchange.decomposition.preparing import Prepared, check, prepare
from netchip.methods.smart_exchange.decomposition.rounding import Rounding
from netchip.methods.smart_exchange.decomposition.small_matrices import planes
from netchip.methods.smart_exchange.decomposition.steps import eager_round
from netchip.methods.smart_exchange.decomposition.tiling import Tiling

COLD_ITERATIONS, WARM_ITERATIONS = 30, 5
_HEADROOM = 2.0  # a basis grows by up to a half after its first fit; the scale is chosen anew for the best one


@dataclass(frozen=True)
class Settings:
    """How a weight is decomposed.

    `bits` of a coefficient; `iterations`: None for 30, or 5 from a warm start; `element_threshold`: a coefficient below this share
    of its block's root mean square is zero; `ridge`: relative to the mean diagonal of the normal equations; `quantise_basis`: False
    judges iterations by a basis that is not rounded, and rounds the best one's, to see what looking ahead is worth. `compiled`: by
    torch, which takes a minute at the first call and is then several times as fast; where it cannot, all runs as usual.
    Raises `ConfigError` for numbers outside their range.
    """

    bits: int = 4
    iterations: int | None = None
    element_threshold: float = 0.05
    ridge: float = 1e-8
    quantise_basis: bool = True
    compiled: bool = False

    def __post_init__(self) -> None:
        Alphabet(self.bits)
        if self.iterations is not None and (type(self.iterations) is not int or self.iterations < 1):
            raise ConfigError(f"iterations = {self.iterations!r}: give a whole number of at least 1")
        if not 0.0 <= self.element_threshold < math.inf:
            raise ConfigError(f"element_threshold = {self.element_threshold!r}: give a number of at least 0")
        if not 0.0 < self.ridge < 1.0:
            raise ConfigError(f"ridge = {self.ridge!r}: give a number above 0 and below 1")

    def rules(self, rounding: Rounding, usual_iterations: int, basis_scale: float | None) -> Rules:
        """For one layer, with its alphabet and scale."""
        iterations = self.iterations or usual_iterations
        round_ = compiled_round() if self.compiled else eager_round
        return Rules(rounding, self.element_threshold, self.ridge, iterations, basis_scale, round_)

    @property
    def row_multiple(self) -> int:
        """What the rows of a block are filled up to a multiple of while it is worked on."""
        return ROW_MULTIPLE if self.compiled else 1


USUAL = Settings()


@dataclass(frozen=True)
class Trace:
    """|W - C B| / |W| of the layer after every iteration, with the best factors so far of each block.

    What a row mask removes counts as error. Empty where there was nothing to do: a zero weight, or one that `warm` already gives.
    """

    errors: tuple[float, ...] = ()


def decompose(
    weight: Tensor,
    tiling: Tiling,
    *,
    bits: int = 4,
    iterations: int | None = None,
    element_threshold: float = 0.05,
    ridge: float = 1e-8,
    quantise_basis: bool = True,
    compiled: bool = False,
    row_mask: Tensor | None = None,
    warm: Factored | None = None,
    name: str = "the weight",
) -> Factored:
    """`weight` of `tiling.shape` as factors near it in the least squares of each block; the numbers are those of `Settings`.

    `row_mask` [blocks, rows], bool: rows that are False become zero. `warm`: the factors of an earlier weight of this tiling,
    whose basis, scale and top are the start; blocks that they already give exactly keep them. float16, bfloat16 and float32 are
    computed in float32, float64 in float64, on the weight's device. Raises `ConfigError`, naming `name`, for weights that are NaN,
    infinite or no floats, for another shape than the tiling's, and for a `row_mask` or `warm` of another tiling.
    """
    settings = Settings(bits, iterations, element_threshold, ridge, quantise_basis, compiled)
    return decompose_traced(weight, tiling, settings, row_mask=row_mask, warm=warm, name=name)[0]


def decompose_traced(
    weight: Tensor,
    tiling: Tiling,
    settings: Settings = USUAL,
    *,
    row_mask: Tensor | None = None,
    warm: Factored | None = None,
    name: str = "the weight",
) -> tuple[Factored, Trace]:
    """What `decompose` gives, and how the error fell."""
    check(weight, tiling, row_mask, warm, settings.bits, name)
    weight = weight.detach()
    prepared = prepare(weight, tiling, row_mask, name)
    if prepared.largest == 0:
        return _nothing(weight, tiling, settings.bits), Trace()
    if warm is None:
        return _cold(weight, tiling, prepared, settings)
    return _warm(weight, prepared, settings, warm)


def _nothing(weight: Tensor, tiling: Tiling, bits: int) -> Factored:
    """A weight without any value: no coefficients, and a scale of one step for the basis."""
    levels = torch.zeros(tiling.blocks, tiling.rows, tiling.width, dtype=torch.int8, device=weight.device)
    basis = levels.new_zeros(tiling.blocks, tiling.width, tiling.width)
    return Factored(tiling, Alphabet(bits), levels, basis, 1.0, weight.dtype)


def _cold(weight: Tensor, tiling: Tiling, prepared: Prepared, settings: Settings) -> tuple[Factored, Trace]:
    """From C = W and B = I, the largest power at the layer's largest value."""
    blocks = blocks_of(prepared.blocks, prepared.counted, settings.row_multiple)
    alphabet = Alphabet(settings.bits).anchored(prepared.largest)
    rules = settings.rules(Rounding(alphabet, prepared.blocks.dtype), COLD_ITERATIONS, None)
    first = first_fit(blocks, _identity(prepared.blocks), rules)
    if settings.quantise_basis:
        rules = replace(rules, basis_scale=_HEADROOM * best_scale(first, blocks))
    best, errors = iterate(blocks, judged(first, blocks, rules.basis_scale), rules)
    scale = best_scale(best, blocks)
    errors[-1] = judged(best, blocks, scale).error.sum()
    levels, basis = _integers(blocks, best, rules.rounding, scale, tiling.rows)
    factored = Factored(
        tiling, replace(alphabet, top=alphabet.top + prepared.exponent), levels, basis, scale, weight.dtype
    )
    return _within_type(factored), _trace(errors, prepared, blocks.energy)


def _warm(weight: Tensor, prepared: Prepared, settings: Settings, warm: Factored) -> tuple[Factored, Trace]:
    """From the basis of `warm` and C = W B^-1."""
    warm = replace(warm, levels=warm.levels.to(weight.device), basis=warm.basis.to(weight.device), dtype=weight.dtype)
    moved = _moved(weight, prepared, warm)
    if not moved.any():
        return warm, Trace()
    start = _start(warm)
    top = _top(prepared, start, warm)
    if top != warm.alphabet.top:
        moved = torch.ones_like(moved)
    blocks = blocks_of(prepared.blocks[moved], prepared.counted[moved], settings.row_multiple)
    alphabet = replace(warm.alphabet, top=top - prepared.exponent)
    rules = settings.rules(Rounding(alphabet, prepared.blocks.dtype), WARM_ITERATIONS, warm.basis_scale)
    first = judged(first_fit(blocks, start[..., moved], rules), blocks, warm.basis_scale)
    best, errors = iterate(blocks, first, rules)
    levels, basis = warm.levels.clone(), warm.basis.clone()
    levels[moved], basis[moved] = _integers(blocks, best, rules.rounding, warm.basis_scale, warm.tiling.rows)
    factored = replace(warm, alphabet=replace(warm.alphabet, top=top), levels=levels, basis=basis)
    energy = float(prepared.blocks.square().sum(dtype=torch.float64))
    return _within_type(factored), _trace(errors, prepared, energy)


def _moved(weight: Tensor, prepared: Prepared, warm: Factored) -> Tensor:
    """[blocks], bool: False where `warm` gives every kept row exactly, and nothing in the others."""
    differs = warm.tiling.to_blocks(warm.weight() != weight).any(dim=2)
    return torch.where(prepared.kept, differs, warm.kept_rows).any(dim=1)


def _start(warm: Factored) -> Tensor:
    """The basis of `warm` as planes; I where a block had no coefficients."""
    basis = planes(warm.basis) * warm.basis_scale
    return torch.where(warm.kept_blocks, basis, _identity(warm.levels))


def _identity(blocks: Tensor) -> Tensor:
    count, _, width = blocks.shape
    eye = torch.eye(width, dtype=torch.float64, device=blocks.device)
    return eye.unsqueeze(-1).expand(width, width, count)


def _top(prepared: Prepared, start: Tensor, warm: Factored) -> int:
    """The power that `warm` had on top while the largest coefficient is within one step of it; else that coefficient's."""
    largest = largest_coefficient(prepared.blocks, start)
    nearest = warm.alphabet.anchored(largest).top + prepared.exponent
    return warm.alphabet.top if abs(nearest - warm.alphabet.top) <= 1 else nearest


def _integers(blocks: Blocks, best: Fit, rounding: Rounding, scale: float, rows: int) -> tuple[Tensor, Tensor]:
    """Levels int8 [blocks, rows, width] and basis int8 [blocks, width, width] of `best`."""
    levels = levels_of(blocks, best, rounding, rows)
    basis = torch.round(best.basis / scale).clamp(-LARGEST_BASIS, LARGEST_BASIS).permute(2, 0, 1)
    used = (levels != 0).flatten(1).any(dim=1)
    return levels, (basis * used.reshape(-1, 1, 1)).to(torch.int8)


def _within_type(factored: Factored) -> Factored:
    """`factored`, its scale lowered where the weight would leave its type (one near the largest float16, say)."""
    most = math.log2(factored.tiling.width * LARGEST_BASIS * factored.basis_scale) + factored.alphabet.top
    if most < math.log2(torch.finfo(factored.dtype).max) or factored.weight().isfinite().all():
        return factored
    largest = float(factored.integers().abs().amax()) * factored.unit
    lowered = factored.basis_scale * torch.finfo(factored.dtype).max / largest * (1 - 2.0**-12)
    return replace(factored, basis_scale=float(torch.tensor(lowered, dtype=torch.float32)))


def _trace(errors: Tensor, prepared: Prepared, energy: float) -> Trace:
    """`energy`: the squares of the normalised weight's kept rows."""
    whole = energy + prepared.removed
    return Trace(tuple(math.sqrt((error + prepared.removed) / whole) for error in errors.tolist()))
