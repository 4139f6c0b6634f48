"""An axis: its range, linear or logarithmic, and the ticks on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_LARGE = 1e5
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_NARROW = 1000.0
"""A logarithmic axis that spans less has ticks between the powers of ten."""
_FEWEST = 2
_MOST_DECADES = 7


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, with `ticks` (place, text) and a label."""

    low: float
    high: float
    label: str = ""
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()

    def share(self, value: float) -> float:
        """Where on the axis a value lies: 0 at its beginning, 1 at its end."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def shows(self, value: float) -> bool:
        """Whether the axis has a place for the value: a finite one, above 0 on a logarithmic axis."""
        return math.isfinite(value) and (value > 0 or not self.log)


def linear_axis(
    values: Sequence[float], label: str = "", *, margin: float = 0.04, most: int = 6, from_zero: bool = False
) -> Axis:
    """An axis that holds the finite values, with a margin (a share of their span) on both sides; from 0 without one below."""
    finite = [value for value in values if math.isfinite(value)] + ([0.0] if from_zero else [])
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5 * (not from_zero), high + 0.5
    room = margin * (high - low)
    low, high = low if from_zero and low == 0 else low - room, high if from_zero and high == 0 else high + room
    return Axis(low, high, label, ticks=_written(_linear_ticks(low, high, most)))


def log_axis(values: Sequence[float], label: str = "", *, margin: float = 0.05) -> Axis:
    """A logarithmic axis that holds the finite values above 0, with a margin (a share of their decades)."""
    seen = [value for value in values if math.isfinite(value) and value > 0] or [1.0, 10.0]
    low, high = min(seen), max(seen)
    if low == high:
        low, high = low / 2, high * 2
    room = (high / low) ** margin
    low, high = low / room, high * room
    ticks = _log_ticks(low, high)
    return Axis(low, high, label, log=True, ticks=_written(ticks))


def names_axis(names: Sequence[str], *, most: int | None = None) -> Axis:
    """One place a name, at 0, 1, ...; of more than `most` only every so-manieth is written."""
    step = 1 if most is None else max(1, math.ceil(len(names) / most))
    ticks = tuple((float(place), names[place]) for place in range(0, len(names), step))
    return Axis(-0.5, max(len(names), 1) - 0.5, ticks=ticks)


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    step = _nice((high - low) / most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def _nice(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= least * (1 - 1e-9))


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, math.ceil((last - first) / _MOST_DECADES))
    within = (1.0, 2.0, 5.0) if high < _NARROW * low else (1.0,)
    places = [size * 10.0**power for power in range(first, last + 1, step) for size in within]
    found = [place for place in places if low <= place <= high]
    return found if len(found) >= _FEWEST else _linear_ticks(low, high, 4)


def _written(places: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Ticks with their text: plain numbers, large ones with a decimal prefix."""
    largest = max(map(abs, places), default=0.0)
    if largest < _LARGE:
        return tuple((place, f"{round(place, 12):g}") for place in places)
    return tuple((place, _with_prefix(place)) for place in places)


def _with_prefix(value: float) -> str:
    size, prefix = next(((size, prefix) for size, prefix in _PREFIXES if abs(value) >= size * (1 - 1e-9)), (1.0, ""))
    return f"{value / size:g} {prefix}".rstrip()
