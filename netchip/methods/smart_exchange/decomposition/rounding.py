"""Rounding of coefficients to signed powers of two by their bits, in a few passes over memory and without temporary masks."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet

_INTEGER = {torch.float32: torch.int32, torch.float64: torch.int64}
_MANTISSA_BITS = {torch.float32: 23, torch.float64: 52}
_BIAS = {torch.float32: 127, torch.float64: 1023}
_TIE_ULPS = 4  # what lies this near below a tie goes up with it: scaling by a threshold and back may cost a bit or two


@dataclass(frozen=True)
class Rounding:
    """The powers of an alphabet in float32 or float64; `half` and `mask` round a number's bits to its exponent."""

    alphabet: Alphabet
    dtype: torch.dtype

    @property
    def lowest(self) -> float:
        """The smallest power."""
        return 2.0 ** (self.alphabet.top - self.alphabet.powers + 1)

    @property
    def highest(self) -> float:
        """The largest power."""
        return 2.0**self.alphabet.top

    def round_scaled(self, scaled: Tensor, cut: Tensor) -> Tensor:
        """The nearest powers of `scaled` x `cut`; zero where |scaled| is below 1. `cut`: [blocks, 1, 1], at least lowest / 2."""
        bits = _MANTISSA_BITS[self.dtype]
        kept = torch.nn.functional.hardshrink(scaled, 1.0 - _TIE_ULPS * 2.0**-bits)
        sign = torch.sign(kept)
        size = kept.abs_().mul_(cut).clamp_(self.lowest, self.highest)
        size.view(_INTEGER[self.dtype]).add_((1 << (bits - 1)) + _TIE_ULPS).bitwise_and_(-1 << bits)
        return size.mul_(sign)

    def levels(self, powers: Tensor) -> Tensor:
        """The int8 levels of what `round_scaled` gave."""
        bits = powers.abs().view(_INTEGER[self.dtype])
        exponent = (bits >> _MANTISSA_BITS[self.dtype]) - _BIAS[self.dtype]
        magnitude = (self.alphabet.top + 1 - exponent).to(torch.int8)
        return magnitude * torch.sign(powers).to(torch.int8)
