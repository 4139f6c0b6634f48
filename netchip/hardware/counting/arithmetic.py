"""Arithmetic on numbers that are either constants or arrays: constants stay constants, so they cost nothing in a batch."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

from netchip.hardware.arrays import device_of

Number = Any
"""A Python float, the same for the whole batch, or an array whose last axis is the batch."""

_CONSTANTS = (float, int)

NEARLY = 1 + 1e-9
"""Slack where a product of fractions is rounded: 55 / 7 * 7 is 55."""


@dataclass(frozen=True)
class Arithmetic:
    """Rounding and choosing in the namespace `xp` of the Python array API, and on plain floats.

    Arrays made here have the type and the place of `like`.
    """

    xp: Any
    like: Any

    def floor(self, value: Number) -> Number:
        """Rounded down."""
        return float(math.floor(value)) if is_plain(value) else self.xp.floor(value)

    def ceil(self, value: Number) -> Number:
        """Rounded up."""
        return float(math.ceil(value)) if is_plain(value) else self.xp.ceil(value)

    def round(self, value: Number) -> Number:
        """Rounded to the nearest, halves to even."""
        return float(round(value)) if is_plain(value) else self.xp.round(value)

    def least(self, first: Number, second: Number) -> Number:
        """The smaller of the two."""
        if is_plain(first) or is_plain(second):
            return self.where(first < second, first, second)
        return self.xp.minimum(first, second)

    def most(self, first: Number, second: Number) -> Number:
        """The larger of the two."""
        if is_plain(first) or is_plain(second):
            return self.where(first > second, first, second)
        return self.xp.maximum(first, second)

    def where(self, condition: Number, then: Number, other: Number) -> Number:
        """`then` where `condition`, else `other`."""
        if isinstance(condition, bool):
            return then if condition else other
        return self.xp.where(condition, self.array(then) if is_plain(other) else then, other)

    def choose(self, condition: Number, then: Any, other: Any) -> Any:
        """`where` for arrays of any type."""
        return (then if condition else other) if isinstance(condition, bool) else self.xp.where(condition, then, other)

    def array(self, value: Number) -> Any:
        """`value` as an array; a constant becomes one without axes."""
        if not is_plain(value):
            return value
        return self.xp.asarray(value, dtype=self.like.dtype, device=device_of(self.like))


def product(factors: Iterable[Number]) -> Number:
    """Product of constants and arrays; constants are multiplied first, and 1 costs nothing."""
    constant, result = 1.0, None
    for factor in factors:
        if isinstance(factor, _CONSTANTS):
            constant *= factor
        else:
            result = factor if result is None else result * factor
    if result is None:
        return constant
    return result if constant == 1.0 else result * constant


def add(parts: Iterable[Number]) -> Number:
    """Sum of constants and arrays."""
    result: Number = 0.0
    for part in parts:
        result = result + part
    return result


def is_plain(value: Number) -> TypeGuard[float]:
    """Whether `value` is a constant."""
    return isinstance(value, _CONSTANTS)
