"""How far a weight is from the one it stands for."""

import math

from torch import Tensor


def squared_norm(weight: Tensor) -> float:
    """The sum of squares, in float64."""
    return float(weight.detach().double().square().sum())


def squared_error(weight: Tensor, other: Tensor) -> float:
    """The sum of squared differences, in float64."""
    return float((weight.detach().double() - other.detach().double()).square().sum())


def relative_error(weight: Tensor, other: Tensor) -> float:
    """||weight - other|| / ||weight||; 0 where both are zero throughout, infinite where only `weight` is."""
    return ratio_of_norms(squared_error(weight, other), squared_norm(weight))


def ratio_of_norms(squared: float, of: float) -> float:
    """The root of `squared` / `of`; 0 / 0 is 0."""
    if not squared:
        return 0.0
    return math.sqrt(squared / of) if of else math.inf


def decibels(error: float) -> float:
    """The signal-to-noise ratio of a relative error in dB: infinite where there is no error."""
    return -20 * math.log10(error) if error else math.inf
