"""Methods as points of bits and error; which one loses at equal bits, and by how much."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netchip.methods.smart_exchange.baselines.distortion import decibels

EQUAL_DB = 0.1
"""Differences below this are called equal."""
COLUMNS = ("method", ">rows zero", ">bits a weight", ">relative error", ">SNR, dB")
"""Of the table; '>' sets a column to the right."""
FEW_ROWS = 0.01
"""With a smaller share of zero rows, a point counts as one without row sparsity."""


@dataclass(frozen=True)
class Point:
    """A method on a set of weights. `row_sparsity`: the share of rows that are zero."""

    method: str
    bits_per_weight: float
    relative_error: float
    row_sparsity: float = 0.0

    @property
    def snr_db(self) -> float:
        """Signal to noise in dB; infinite without error."""
        return decibels(self.relative_error)

    def to_json(self) -> dict[str, Any]:
        """As plain values; an infinite ratio is None."""
        snr = self.snr_db if math.isfinite(self.snr_db) else None
        return {
            "method": self.method,
            "bits_per_weight": self.bits_per_weight,
            "relative_error": self.relative_error if math.isfinite(self.relative_error) else None,
            "snr_db": snr,
            "row_sparsity": self.row_sparsity,
        }

    def __str__(self) -> str:
        return f"{self.method} ({self.bits_per_weight:.2f} bits, error {self.relative_error:.3g})"


@dataclass(frozen=True)
class Comparison:
    """One point beside others at its own bits, by the line in dB between the neighbours `below` and `above` in bits.

    Where one of the two is missing, nothing is interpolated. `dominating`: another point of no more bits and no more error, one of
    the two less; the one of the least error.
    """

    point: Point
    below: Point | None
    above: Point | None
    dominating: Point | None

    @property
    def lead_db(self) -> float | None:
        """By how many dB the point is better at its bits; negative where it loses; None without both neighbours."""
        if self.below is None or self.above is None:
            return None
        width = self.above.bits_per_weight - self.below.bits_per_weight
        share = (self.point.bits_per_weight - self.below.bits_per_weight) / width if width else 0.0
        other = self.below.snr_db + share * (self.above.snr_db - self.below.snr_db)
        return self.point.snr_db - other

    def __str__(self) -> str:
        lead = self.lead_db
        neighbours = " and ".join(str(each) for each in (self.below, self.above) if each is not None)
        if lead is None:
            side = "fewer" if self.below is None else "more"
            text = f"none has {side} bits, so none is compared at equal bits; the nearest is {neighbours}"
        elif not math.isfinite(lead):
            text = f"between {neighbours} there is nothing to measure"
        else:
            text = f"{_word(lead)} at equal bits (on the line in dB between {neighbours})"
        return text if self.dominating is None else f"{text}; dominated by {self.dominating}: no more bits, less error"


def compare(point: Point, others: Sequence[Point]) -> Comparison:
    """`point` beside `others`, those with the nearest bits on either side; equal bits count as below and above."""
    ordered = sorted(others, key=lambda other: (other.bits_per_weight, -other.relative_error))
    below = [other for other in ordered if other.bits_per_weight <= point.bits_per_weight]
    above = [other for other in ordered if other.bits_per_weight >= point.bits_per_weight]
    better = [other for other in below if _dominates(other, point)]
    best = min(better, key=lambda other: (other.relative_error, other.bits_per_weight), default=None)
    return Comparison(point, below[-1] if below else None, above[0] if above else None, best)


def _dominates(other: Point, point: Point) -> bool:
    no_worse = other.bits_per_weight <= point.bits_per_weight and other.relative_error <= point.relative_error
    return no_worse and (other.bits_per_weight < point.bits_per_weight or other.relative_error < point.relative_error)


@dataclass(frozen=True)
class RateDistortion:
    """SmartExchange's points, plain rounding, and rounding of the same kept rows by the point that keeps them.

    `zero_rows_given`: the share of rows that are zero in the weights as they were given, which no method loses anything by.
    """

    own: tuple[Point, ...]
    rounded: tuple[Point, ...]
    same_rows: Mapping[str, tuple[Point, ...]]
    zero_rows_given: float = 0.0

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Each SmartExchange point beside plain rounding."""
        return tuple(compare(point, self.rounded) for point in self.own)

    @property
    def comparisons_of_the_same_rows(self) -> tuple[Comparison, ...]:
        """Each SmartExchange point with zero rows beside the rounding of the rows it keeps."""
        return tuple(
            compare(point, self.same_rows[point.method]) for point in self.own if point.method in self.same_rows
        )

    @property
    def verdict(self) -> tuple[str, ...]:
        """What follows, a sentence each: first in one line, then for each point with the neighbours it was compared with."""
        details = [f"{each.point} beside rounding: {each}." for each in self.comparisons]
        same = [f"{each.point} beside rounding of the same rows: {each}." for each in self.comparisons_of_the_same_rows]
        return (*self._summary(), *details, *same)

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The table in words, a row a point, under the headings of `COLUMNS`."""
        return tuple(
            (
                point.method,
                f"{point.row_sparsity:.1%}",
                f"{point.bits_per_weight:.3f}",
                f"{point.relative_error:.4f}",
                f"{point.snr_db:.2f}",
            )
            for point in self.points
        )

    @property
    def points(self) -> tuple[Point, ...]:
        """All rows of the table; those that round the same rows say so."""
        rows: list[Point] = [*self.rounded]
        for point in self.own:
            rows.append(point)
            rows += [
                Point(f"  {each.method}, the same rows", each.bits_per_weight, each.relative_error, each.row_sparsity)
                for each in self.same_rows.get(point.method, ())
            ]
        return tuple(rows)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "points": [point.to_json() for point in self.points],
            "zero_rows_given": self.zero_rows_given,
            "verdict": list(self.verdict),
        }

    def _summary(self) -> Iterator[str]:
        if self.zero_rows_given >= FEW_ROWS:
            share = f"{self.zero_rows_given:.1%}"
            yield f"{share} of the rows are zero in the weights as given; plain rounding stores them all the same."
        yield from (_dense(each) for each in self.comparisons if each.point.row_sparsity < FEW_ROWS)
        sparse = [each.lead_db for each in self.comparisons if each.point.row_sparsity >= FEW_ROWS]
        if leads := _measurable(sparse):
            yield f"With rows zero, SmartExchange {_range(leads)} against rounding that keeps all rows, at equal bits."
        same = [each.lead_db for each in self.comparisons_of_the_same_rows]
        if leads := _measurable(same):
            yield f"Against rounding that leaves out the same rows, it {_range(leads)} at equal bits."
        if leads and min(leads) < -EQUAL_DB:
            yield (
                "What zero rows save is open to rounding too; the case for SmartExchange is hardware that skips rows and shifts "
                "where others multiply."
            )


def _measurable(leads_db: Sequence[float | None]) -> list[float]:
    """Without those that have no neighbours, or no error to compare."""
    return [lead for lead in leads_db if lead is not None and math.isfinite(lead)]


def _dense(comparison: Comparison) -> str:
    if comparison.dominating is not None:
        return f"SmartExchange without row sparsity is dominated by {comparison.dominating.method} in error per bit."
    lead = comparison.lead_db
    if lead is not None and not math.isfinite(lead):
        return (
            "SmartExchange without row sparsity is not dominated by rounding; where nothing errs, nothing is compared."
        )
    at_equal = "no rounding has its bits" if lead is None else f"it {_word(lead)} at equal bits"
    return f"SmartExchange without row sparsity is not dominated by rounding; {at_equal}."


def _range(leads_db: Sequence[float]) -> str:
    """One figure where all agree, else from the smaller to the larger; both verbs where it wins here and loses there."""
    worst, best = min(leads_db), max(leads_db)
    if _word(worst) == _word(best):
        return _word(worst)
    if worst >= EQUAL_DB or best <= -EQUAL_DB:
        low, high = sorted((abs(worst), abs(best)))
        return f"{'wins' if worst > 0 else 'loses'} {low:.1f} to {high:.1f} dB"
    return f"{_word(worst)} at worst and {_word(best)} at best"


def _word(lead_db: float) -> str:
    if abs(lead_db) < EQUAL_DB:
        return "is equal"
    return f"{'wins' if lead_db > 0 else 'loses'} {abs(lead_db):.1f} dB"
