"""A weight rounded to nearest: what is stored of it, and the weight it stands for."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.methods.smart_exchange.baselines.scheme import SCALE_BITS, Scheme
from netchip.methods.smart_exchange.decomposition.preparing import check_finite
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.nn.quantize import Grid, affine_grid, levels_of, symmetric_grid, values_of

_SMALLEST_SCALE = 2.0**-24  # the smallest float16 above zero
_LARGEST_POWER = 14  # weights are scaled to at most 2^14, so that no scale overflows and 2^28 below it all have 11 bits


@dataclass(frozen=True)
class Quantized:
    """A weight of `tiling.shape` on grids of groups; the tiling's rows are the groups.

    `codes` uint8, of the weight's shape: levels counted from the lowest. `scales` float16 [filters, groups]; `zeros` uint8
    [filters, groups], the zero points of affine grids, else None. A weight is (code - zero) x scale x 2^exponent.
    """

    scheme: Scheme
    tiling: Tiling
    codes: Tensor
    scales: Tensor
    zeros: Tensor | None
    exponent: int
    dtype: torch.dtype = torch.float32

    def weight(self) -> Tensor:
        """The weight this stands for, in `dtype`: exact in float64, rounded once to float32 and then to `dtype`."""
        zero = torch.full_like(self.scales, self.scheme.levels // 2) if self.zeros is None else self.zeros
        grid = Grid(
            self.scales[..., None].double() * 2.0**self.exponent, zero[..., None].double(), 0, self.scheme.levels - 1
        )
        exact = self.tiling.from_blocks(values_of(self.tiling.to_blocks(self.codes), grid))
        return exact if self.dtype == torch.float64 else exact.to(torch.float32).to(self.dtype)

    def bits(self) -> dict[str, int]:
        """Stored bits by component; what fills groups up is not stored."""
        return stored_bits(self.scheme, self.codes.numel(), self.scales.numel())


def stored_bits(scheme: Scheme, weights: int, groups: int) -> dict[str, int]:
    """Bits by component of so many weights in so many groups."""
    bits = {"codes": scheme.bits * weights, "scales": SCALE_BITS * groups}
    return bits if scheme.symmetric else {**bits, "zero_points": scheme.bits * groups}


def quantize(weight: Tensor, scheme: Scheme, *, transposed_groups: int = 0, name: str = "the weight") -> Quantized:
    """`weight` [M, ...] of two or more dimensions rounded to nearest by `scheme`, groups along each filter.

    `transposed_groups`: as in `Tiling`, for transposed convolutions. Grids are those of the scales as they are stored.
    Raises `ConfigError` for NaN or infinite weights (`name` is who has them) and for fewer than two dimensions.
    """
    check_finite(weight, name)
    whole = Tiling(tuple(weight.shape), 1, transposed_groups=transposed_groups)
    tiling = Tiling(whole.shape, scheme.group_in(whole.filter_size), transposed_groups=transposed_groups)
    groups, exponent = _scaled(tiling.to_blocks(weight.detach()))
    grid = _stored_grid(groups, scheme)
    codes = (levels_of(groups, grid) - grid.lowest).to(torch.uint8)
    zeros = None if scheme.symmetric else grid.zero[..., 0].to(torch.uint8)
    scales = grid.scale[..., 0].to(torch.float16)
    return Quantized(scheme, tiling, tiling.from_blocks(codes), scales, zeros, exponent, weight.dtype)


def _scaled(blocks: Tensor) -> tuple[Tensor, int]:
    """`blocks` divided by 2^exponent so that the largest lies below 2^14, and the exponent. Exact but below float32's range."""
    largest = blocks.abs().max().double() if blocks.numel() else torch.zeros((), dtype=torch.float64)
    exponent = max(int(torch.frexp(largest)[1]) - _LARGEST_POWER, -1000)  # 2^1000 is still a float64
    exact = blocks.dtype == torch.float64 or abs(exponent) > 100  # 2^-exponent itself must be a normal number
    return blocks.to(torch.float64 if exact else torch.float32) * 2.0**-exponent, exponent


def _stored_grid(groups: Tensor, scheme: Scheme) -> Grid:
    """A grid for each group of [filters, groups, size], with the scale float16 keeps of it."""
    if scheme.symmetric:
        grid = symmetric_grid(groups, scheme.bits, channel_dim=(0, 1))
    else:
        grid = affine_grid(groups.amin(dim=2, keepdim=True), groups.amax(dim=2, keepdim=True), scheme.bits)
    kept = grid.scale.to(torch.float16).to(groups.dtype).clamp(min=_SMALLEST_SCALE)
    return Grid(kept, grid.zero, grid.lowest, grid.highest)
