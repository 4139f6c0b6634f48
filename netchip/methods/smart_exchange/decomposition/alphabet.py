"""The alphabet of coefficients: zero, and signed powers of two below a largest one (arXiv 2005.03403, section III)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.errors import ConfigError

FEWEST_BITS, MOST_BITS = 2, 8
_MOST_LEVELS = 31  # below 2^-30 of the largest, a power adds nothing to a float32 weight; sums of products stay exact


@dataclass(frozen=True)
class Alphabet:
    """Zero and +-2^top, +-2^(top - 1), ...: as many powers as codes of `bits` bits can tell apart, zero among the codes.

    A coefficient is held as its *level*, an int8: 0 for zero, +-(1 + e) for +-2^(top - e). 4 bits give 7 powers; from 6 bits on
    there are 31. Raises `ConfigError` outside 2 to 8 bits.
    """

    bits: int = 4
    top: int = 0

    def __post_init__(self) -> None:
        if type(self.bits) is not int or not FEWEST_BITS <= self.bits <= MOST_BITS:
            raise ConfigError(f"bits = {self.bits!r}: a coefficient takes {FEWEST_BITS} to {MOST_BITS} bits")

    @property
    def powers(self) -> int:
        """How many different powers of two there are: 2^(bits - 1) - 1, at most 31."""
        return min(2 ** (self.bits - 1) - 1, _MOST_LEVELS)

    def anchored(self, largest: float) -> "Alphabet":
        """The alphabet whose largest power is the nearest to `largest`, a value above 0 (1.5 x 2^k goes to 2^(k + 1))."""
        mantissa, exponent = torch.frexp(torch.tensor(largest, dtype=torch.float64))
        return Alphabet(self.bits, int(exponent) - (1 if float(mantissa) < 0.75 else 0))

    def levels_of(self, coefficients: Tensor) -> Tensor:
        """The nearest level of each coefficient, by value: int8 of the same shape; ties go to the larger power."""
        mantissa, exponent = torch.frexp(coefficients.abs())
        power = torch.where(mantissa < 0.75, exponent - 1, exponent)
        step = (self.top - power).clamp(min=0) + 1
        # the midpoint between zero and the smallest power 2^s is 2^(s - 1): whatever has a power of s - 1 or more is nearer to 2^s
        step = torch.where(step == self.powers + 1, _rounded_up(mantissa, step), step)
        step = torch.where((step > self.powers) | (coefficients == 0), torch.zeros_like(step), step)
        return (step * torch.sign(coefficients)).to(torch.int8)

    def values_of(self, levels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """The coefficients of int8 `levels`, exactly."""
        magnitude = levels.abs().to(torch.int32)
        ones = torch.sign(levels).to(dtype)
        return torch.ldexp(ones, (self.top + 1 - magnitude).to(torch.int32))


def _rounded_up(mantissa: Tensor, step: Tensor) -> Tensor:
    """One step below the smallest power: from its half on (a mantissa of 0.5 or more) it is nearer to that power than to zero.

    `step` counts from the nearest power, so a mantissa of at least 0.75 belongs to a value below the half.
    """
    return torch.where(mantissa < 0.75, step - 1, step)
