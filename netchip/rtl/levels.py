"""Whole numbers that stand for values, as a chip holds them."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from netchip.nn.quantize import Grid, affine_grid, levels_of


@dataclass(frozen=True)
class Levels:
    """value = (number - zero) x step, for signed numbers of `bits` bits.

    >>> Levels.of(0.0, 2.55, 8).numbers(torch.tensor([0.0, 0.01, 9.0])).tolist()
    [-128, -127, 127]
    """

    step: float
    zero: int
    bits: int

    @classmethod
    def of(cls, low: float, high: float, bits: int) -> Self:
        """The levels over [low, high], widened to hold zero."""
        grid = affine_grid(torch.tensor(low), torch.tensor(high), bits)
        return cls(float(grid.scale), int(grid.zero) - 2 ** (bits - 1), bits)

    def numbers(self, values: Tensor) -> Tensor:
        """The nearest numbers, int64; what lies outside is held to the range."""
        half = 2 ** (self.bits - 1)
        grid = Grid(torch.tensor(self.step), torch.tensor(float(self.zero + half)), 0, 2 * half - 1)
        return levels_of(values, grid).long() - half

    def values(self, numbers: Tensor) -> Tensor:
        """The values, float64."""
        return (numbers.double() - self.zero) * self.step
