"""Fake quantisation: values on a grid of `bits` bits, kept as floats; the one quantiser of netchip.

Symmetric grids hold zero and as many steps on either side, 2^(bits-1) - 1; affine grids hold 2^bits levels from the
lowest to the highest value, moved so that zero is one of them (Jacob et al., arXiv 1712.05877, section 2.1). Gradients
pass straight through inside the range and stop outside it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.nn.straight_through import round_ste, straight_through


@dataclass(frozen=True)
class Grid:
    """A uniform grid: value = (level - zero) * scale, from `lowest` to `highest`; scale and zero broadcast."""

    scale: Tensor
    zero: Tensor
    lowest: int
    highest: int


def symmetric_grid(x: Tensor, bits: int, *, channel_dim: int | tuple[int, ...] | None = None) -> Grid:
    """The grid over [-a, a], a the largest |x| of the tensor, or of each index of `channel_dim`.

    Several dimensions give a grid for each of their indices together: (0, 1) of [filters, groups, size] one a group.

    Raises `ConfigError` below 2 bits: one bit leaves no step beside zero.
    """
    _check_bits(bits, least=2)
    highest = 2 ** (bits - 1) - 1
    scale = _positive(_largest(x.detach().abs(), channel_dim) / highest)
    return Grid(scale, torch.zeros_like(scale), -highest, highest)


def affine_grid(low: Tensor, high: Tensor, bits: int) -> Grid:
    """The grid of 2^bits levels over [low, high], widened to hold zero, which becomes a level exactly."""
    _check_bits(bits, least=1)
    highest = 2**bits - 1
    low, high = low.detach().clamp(max=0), high.detach().clamp(min=0)
    scale = _positive((high - low) / highest)
    return Grid(scale, (-low / scale).round().clamp(0, highest), 0, highest)


def fake_quantize(x: Tensor, grid: Grid) -> Tensor:
    """`x` on `grid`, of the same shape; gradient 1 inside the grid's range, 0 outside."""
    return values_of(_clamped_levels(x, grid), grid)


def levels_of(x: Tensor, grid: Grid) -> Tensor:
    """The level of `grid` nearest to each of `x`: int16 or int32, of the same shape; what `values_of` gives the values of."""
    levels = _clamped_levels(x.detach(), grid)
    return levels.to(torch.int16 if max(-grid.lowest, grid.highest) < 2**15 else torch.int32)


def values_of(levels: Tensor, grid: Grid) -> Tensor:
    """The values of `levels` on `grid`: (level - zero) x scale."""
    return (levels - grid.zero) * grid.scale


def quantize_min_max(x: Tensor, low: Tensor, high: Tensor, bits: int, *, noise: Tensor | None = None) -> Tensor:
    """`x` on the 2^bits levels that start at `low` and end at `high`, both broadcasting; zero need not be a level.

    The plain uniform quantiser of eladhoffer/quantized.pytorch, on which DFS, FracTrain and others build. What lies outside is
    clamped, and the gradient is 1 there too. `noise` in units of a step is added before rounding: uniform over
    [-0.5, 0.5) rounds stochastically. Raises `ConfigError` for bits that make no grid.
    """
    _check_bits(bits, least=1)
    highest = 2**bits - 1
    with torch.no_grad():
        step = ((high - low) / highest).clamp_min(1e-8)
        levels = (x - low) / step
        levels = (levels if noise is None else levels + noise).round_().clamp_(0, highest)
        result = levels.mul_(step).add_(low)
    return straight_through(result, x)


def quantize_weight(weight: Tensor, bits: int, *, per_channel: bool = True) -> Tensor:
    """A weight [M, ...] on a symmetric grid, one for each output channel or one for all."""
    return fake_quantize(weight, symmetric_grid(weight, bits, channel_dim=0 if per_channel else None))


def quantize_range(x: Tensor, bits: int) -> Tensor:
    """`x` of any shape on the affine grid over its own smallest and largest value."""
    return fake_quantize(x, affine_grid(x.amin(), x.amax(), bits))


def _clamped_levels(x: Tensor, grid: Grid) -> Tensor:
    return (round_ste(x / grid.scale) + grid.zero).clamp(grid.lowest, grid.highest)


def _largest(x: Tensor, channel_dim: int | tuple[int, ...] | None) -> Tensor:
    """The largest value of the tensor, or of each index of `channel_dim` (kept, so that it broadcasts)."""
    if channel_dim is None:
        return x.amax()
    kept = {dim % x.ndim for dim in (channel_dim if isinstance(channel_dim, tuple) else (channel_dim,))}
    others = [dim for dim in range(x.ndim) if dim not in kept]
    return x.amax(dim=others, keepdim=True) if others else x


def _positive(scale: Tensor) -> Tensor:
    """Scales of zero (a constant zero tensor) become one, so that nothing is divided by zero and zero stays zero.

    None is below the smallest normal float32: a scale with few bits left would put values far from their level.
    """
    return torch.where(scale > 0, scale.clamp(min=torch.finfo(torch.float32).tiny), torch.ones_like(scale))


def _check_bits(bits: int, *, least: int) -> None:
    if not least <= bits <= 24:
        raise ConfigError(f"bits = {bits}: a float32 grid needs {least} to 24 bits")
