"""What a decomposition works on: a weight's blocks in one scale, checked."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling

_COMPUTED_IN = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.float32: torch.float32,
    torch.float64: torch.float64,
}


@dataclass(frozen=True)
class Prepared:
    """`blocks` [blocks, rows, width]: those of a weight / 2^exponent, the largest value 1 to 2; rows that are not `kept` are zero.

    `kept` [blocks, rows], bool; `removed`: the squares of what it removes; `largest`: of the blocks; both in this scale.
    """

    blocks: Tensor
    kept: Tensor
    exponent: int
    removed: float
    largest: float

    @property
    def counted(self) -> Tensor:
        """[blocks]: values of kept rows."""
        return self.kept.sum(1) * self.blocks.shape[2]


def check_finite(weight: Tensor, name: str) -> None:
    """Raises `ConfigError` for a weight with NaN or infinite values, and for one that is no floating point."""
    if not weight.is_floating_point():
        raise ConfigError(f"{name}: {weight.dtype} values are not treated; give floating-point weights")
    wrong = weight.numel() - int(torch.isfinite(weight).sum())
    if wrong:
        raise ConfigError(f"{name}: {wrong} of {weight.numel()} values are NaN or infinite; repair them first")


def prepare(weight: Tensor, tiling: Tiling, row_mask: Tensor | None, name: str) -> Prepared:
    """The blocks of `weight`, in float32, or float64 for a float64 weight. Raises `ConfigError` for NaN and infinite values."""
    wide = weight.to(_COMPUTED_IN[weight.dtype])
    largest = _largest(wide)
    if not math.isfinite(largest):
        check_finite(weight, name)
    exponent = math.frexp(largest)[1] - 1
    blocks = tiling.to_blocks(_scaled(wide, -exponent))
    kept = tiling.row_is_real(weight.device)
    if row_mask is None:
        return Prepared(blocks, kept, exponent, 0.0, math.ldexp(largest, -exponent))
    kept = kept & row_mask.to(weight.device)
    removed = float((blocks * ~kept.unsqueeze(-1)).square().sum(dtype=torch.float64))
    blocks = blocks * kept.unsqueeze(-1)
    return Prepared(blocks, kept, exponent, removed, _largest(blocks))


def _largest(values: Tensor) -> float:
    """The largest size; NaN where there is one."""
    low, high = torch.aminmax(values)
    return float(torch.maximum(-low, high))


def _scaled(values: Tensor, exponent: int) -> Tensor:
    """`values` x 2^exponent, in two steps where 2^exponent may lie outside the type."""
    half = exponent // 2
    return values * 2.0**exponent if abs(exponent) < 100 else values * 2.0**half * 2.0 ** (exponent - half)


def check(weight: Tensor, tiling: Tiling, row_mask: Tensor | None, warm: Factored | None, bits: int, name: str) -> None:
    """Refuse what cannot be decomposed."""
    if weight.dtype not in _COMPUTED_IN:
        raise ConfigError(f"{name}: {weight.dtype} cannot be decomposed; give float16, bfloat16, float32 or float64")
    if tuple(weight.shape) != tiling.shape:
        raise ConfigError(f"{name}: its shape is {tuple(weight.shape)}, but the tiling is for {tiling.shape}")
    sizes = (tiling.blocks, tiling.rows)
    if row_mask is not None and (row_mask.dtype != torch.bool or tuple(row_mask.shape) != sizes):
        raise ConfigError(f"{name}: row_mask is {row_mask.dtype} {tuple(row_mask.shape)}; give torch.bool {sizes}")
    if warm is not None and (warm.tiling != tiling or warm.alphabet.bits != bits):
        found = f"{warm.tiling} at {warm.alphabet.bits} bits"
        raise ConfigError(f"{name}: warm has the factors of {found}, but asked is {tiling} at {bits} bits")
