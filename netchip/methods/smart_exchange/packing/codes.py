"""What the codes of a stream mean: sign and magnitude of a coefficient.

The low bits - 1 bits are the magnitude m: 0 is zero, m is the power 2^(top + 1 - m). The highest bit is set for negative
coefficients. So all 2^bits codes but one are used: minus zero is none, and no magnitude is above the alphabet's powers.
"""

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet


def codes_of(levels: Tensor, alphabet: Alphabet) -> Tensor:
    """uint8 codes of int8 levels, of the same shape."""
    sign = (levels < 0).to(torch.uint8) << (alphabet.bits - 1)
    return levels.abs().to(torch.uint8) | sign


def levels_table(alphabet: Alphabet) -> Tensor:
    """int8 [2^bits]: the level of each code; 0 for those that are none."""
    half = 2 ** (alphabet.bits - 1)
    magnitude = torch.arange(half, dtype=torch.int64)
    magnitude = torch.where(magnitude > alphabet.powers, 0, magnitude).to(torch.int8)
    return torch.cat([magnitude, -magnitude])


def integers_table(alphabet: Alphabet, dtype: torch.dtype) -> Tensor:
    """[2^bits]: each code's coefficient as a whole number, +-2^(powers - m) and 0, exact in float32 and float64."""
    levels = levels_table(alphabet).to(torch.int64)
    whole = torch.sign(levels) << (alphabet.powers - levels.abs()).clamp(min=0)
    return whole.to(dtype)


def codes_are_known(codes: Tensor, alphabet: Alphabet, *, zero_too: bool) -> bool:
    """Whether every code is one of the alphabet: of a coefficient, or of zero where `zero_too`."""
    found = torch.bincount(codes, minlength=2**alphabet.bits)
    unknown = levels_table(alphabet).to(codes.device) == 0
    if zero_too:
        unknown[0] = False
    return not bool(found[unknown].any())
