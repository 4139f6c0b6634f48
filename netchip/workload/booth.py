"""How many steps a bit-serial multiplier takes for an 8-bit number: its non-zero radix-4 Booth digits, or its one bits.

Booth's recoding writes a number as sum(digit_i * 4^i) with digits -2 to 2, digit_i = -2 b[2i+1] + b[2i] + b[2i-1] of its two's
complement (A. D. Booth, 1951; radix 4: O. L. MacSorley, 1961). Signed 8-bit numbers need 4 digits, 0 to 255 need a fifth.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchip.errors import RequestError

Codes = NDArray[np.integer[Any]]
LEAST, MOST = -128, 255
DIGITS = 5
"""Digits that any number from -128 to 255 fits into."""

_VALUES = np.arange(LEAST, MOST + 1)


def booth_digits(values: Codes) -> NDArray[np.int8]:
    """The radix-4 digits of `values` [...], lowest first: [..., 5]; raises `RequestError` outside -128 to 255."""
    wide = checked_codes(values).astype(np.int32)[..., None] << 1
    window = (wide >> (2 * np.arange(DIGITS))) & 7
    return np.array([0, 1, 1, 2, -2, -1, -1, 0], np.int8)[window]


def checked_codes(values: Any) -> Codes:
    """`values` as they are; raises `RequestError` where they are no whole numbers from -128 to 255."""
    codes = np.asarray(values)
    if codes.dtype.kind not in "iu":
        raise RequestError(
            f"activation codes are of type {codes.dtype}; give 8-bit integers whose 0 means the number 0"
        )
    if codes.size and not (codes.min() >= LEAST and codes.max() <= MOST):
        raise RequestError(
            f"activation codes run from {codes.min()} to {codes.max()}; give 8-bit codes, {LEAST} to 127 or 0 to {MOST}"
        )
    return codes


def booth_steps(values: Codes) -> NDArray[np.uint8]:
    """Non-zero Booth digits of each of `values`, 0 to 5, in the same shape."""
    return _BOOTH[checked_codes(values).astype(np.int32) - LEAST]


def bit_steps(values: Codes) -> NDArray[np.uint8]:
    """One bits of each magnitude (Bit-pragmatic's essential bits), 0 to 8, in the same shape."""
    return _BITS[checked_codes(values).astype(np.int32) - LEAST]


_BOOTH = (booth_digits(_VALUES) != 0).sum(-1).astype(np.uint8)
_BITS = np.array([abs(int(value)).bit_count() for value in _VALUES], np.uint8)
