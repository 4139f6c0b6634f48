"""A positive scale as whole numbers, as a chip multiplies by it: a mantissa of 24 bits and a shift."""

import math

from netchip.errors import RequestError

MULTIPLIER_BITS = 24
"""Bits of a float32 mantissa, so that a float32 scale is taken over as it is."""

LEAST_SHIFT, SHIFT_BITS = MULTIPLIER_BITS, 5
"""A scale below 1 shifts by at least the bits of the multiplier; 2^5 different shifts are built."""


def multiplier_and_shift(scale: float) -> tuple[int, int]:
    """The whole numbers (m, s) with m / 2^s nearest to `scale`, and 2^23 <= m < 2^24.

    Raises `RequestError` where the scale is not in [2^-32, 1).

    >>> multiplier_and_shift(0.5)
    (8388608, 24)
    """
    mantissa, exponent = math.frexp(scale if math.isfinite(scale) else 0.0)
    multiplier, shift = round(mantissa * 2**MULTIPLIER_BITS), MULTIPLIER_BITS - exponent
    if multiplier == 2**MULTIPLIER_BITS:
        multiplier, shift = multiplier // 2, shift - 1
    if not (multiplier > 0 and LEAST_SHIFT <= shift < LEAST_SHIFT + 2**SHIFT_BITS):
        raise RequestError(
            f"a scale of {scale!r} from sums to outputs is outside [2^-32, 1); give the outputs a larger or smaller step"
        )
    return multiplier, shift
