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

    `kept` [blocks, rows], bool; `energy` and `removed`: the squares of the whole weight and of what `kept` removes, in this scale.
    """

    blocks: Tensor
    kept: Tensor
    exponent: int
    energy: float
    removed: float

    @property
    def counted(self) -> Tensor:
        """[blocks]: values of kept rows."""
        return self.kept.sum(1) * self.blocks.shape[2]


def prepare(weight: Tensor, tiling: Tiling, row_mask: Tensor | None) -> Prepared:
    """The blocks of `weight`, in float32, or float64 for a float64 weight."""
    wide = weight.to(_COMPUTED_IN[weight.dtype])
    exponent = math.frexp(float(wide.abs().amax()))[1] - 1
    half = -exponent // 2  # in two steps: 2^-exponent itself may lie outside the type
    blocks = tiling.to_blocks(wide * 2.0**half * 2.0 ** (-exponent - half))
    real = tiling.row_is_real(weight.device)
    kept = real if row_mask is None else real & row_mask.to(weight.device)
    energy = _squares(blocks)
    if row_mask is not None:
        blocks = blocks * kept.unsqueeze(-1)
    return Prepared(blocks, kept, exponent, energy, energy - _squares(blocks) if row_mask is not None else 0.0)


def _squares(blocks: Tensor) -> float:
    return float(blocks.square().sum(dtype=torch.float64))


def check(weight: Tensor, tiling: Tiling, row_mask: Tensor | None, warm: Factored | None, bits: int, name: str) -> None:
    """Refuse what cannot be decomposed."""
    if weight.dtype not in _COMPUTED_IN:
        raise ConfigError(f"{name}: {weight.dtype} cannot be decomposed; give float16, bfloat16, float32 or float64")
    if tuple(weight.shape) != tiling.shape:
        raise ConfigError(f"{name}: its shape is {tuple(weight.shape)}, but the tiling is for {tiling.shape}")
    if not (finite := torch.isfinite(weight)).all():
        raise ConfigError(
            f"{name}: {int((~finite).sum())} of {weight.numel()} values are NaN or infinite; repair them first"
        )
    sizes = (tiling.blocks, tiling.rows)
    if row_mask is not None and (row_mask.dtype != torch.bool or tuple(row_mask.shape) != sizes):
        raise ConfigError(f"{name}: row_mask is {row_mask.dtype} {tuple(row_mask.shape)}; give torch.bool {sizes}")
    if warm is not None and (warm.tiling != tiling or warm.alphabet.bits != bits):
        found = f"{warm.tiling} at {warm.alphabet.bits} bits"
        raise ConfigError(f"{name}: warm has the factors of {found}, but asked is {tiling} at {bits} bits")
