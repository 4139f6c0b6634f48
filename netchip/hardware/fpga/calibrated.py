"""A predictor brought to measured points: an affine correction in logarithms for each quantity and kind of engine or layer.

The error is told on points that were held out of the fit: the mean absolute error in percent, and Kendall's tau, since a search
only asks which design is the better one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from netchip.errors import DataError, RequestError
from netchip.hardware.arrays import Array, namespace_of
from netchip.hardware.fpga.chunk import ENGINES, ChunkBatch, engine_index
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.measured import CYCLES, MeasuredPoint, predicted
from netchip.hardware.fpga.predictor import ChunkPredictor, Prediction

KINDS = ("conv", "depthwise")
HELD_OUT = 0.25


class Correction(NamedTuple):
    """measured = scale x predicted ^ power."""

    scale: float = 1.0
    power: float = 1.0


PLAIN = Correction()


@dataclass(frozen=True)
class FpgaCalibration:
    """Corrections by quantity ("cycles", "dsp", ...) and kind of engine ("conv", "depthwise"); what is not named stays as it is."""

    corrections: Mapping[str, Mapping[str, Correction]]

    def of(self, quantity: str, kind: str) -> Correction:
        """The correction of a quantity on one kind of engine."""
        return self.corrections.get(quantity, {}).get(kind, PLAIN)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            quantity: {kind: each._asdict() for kind, each in kinds.items()}
            for quantity, kinds in self.corrections.items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "FpgaCalibration":
        """What `to_json` wrote; raises `DataError` for anything else."""
        try:
            return cls({str(quantity): _corrections(kinds) for quantity, kinds in data.items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"this is no calibration of an FPGA: {error}") from None


@dataclass(frozen=True, kw_only=True)
class FitError:
    """How far a quantity is from what was measured on `points` held-out points, before and after the correction."""

    quantity: str
    points: int
    before_percent: float
    after_percent: float
    before_tau: float
    after_tau: float


@dataclass(frozen=True)
class CalibratedPredictor:
    """A predictor with corrections; resources are whole pieces, rounded up."""

    plain: ChunkPredictor
    calibration: FpgaCalibration

    @property
    def resources(self) -> tuple[str, ...]:
        """What the plain one counts."""
        return self.plain.resources

    def __call__(self, layers: LayerTable, chunks: ChunkBatch, used: Array | None = None) -> Prediction:
        """The plain predictor's costs, corrected."""
        found = self.plain(layers, chunks, used)
        xp = namespace_of(found.cycles)
        deep = chunks.has("depthwise")
        rate = xp.where(layers.rate > 0, layers.rate, 1.0)
        changed: dict[str, Any] = {
            name: xp.ceil(xp.round(self._corrected(name, value, deep, xp), decimals=6))
            for name, value in found.usage.items()
        }
        return replace(found, cycles=self._corrected(CYCLES, found.cycles / rate, deep, xp) * rate, **changed)

    def _corrected(self, quantity: str, value: Array, deep: Array, xp: Any) -> Array:
        plain, other = (self.calibration.of(quantity, kind) for kind in KINDS)
        scale, power = (xp.where(deep, theirs, own) for own, theirs in zip(plain, other, strict=True))
        safe = xp.where(value > 0, value, 1.0)
        return xp.where(value > 0, scale * safe**power, 0.0)


def _corrections(data: Mapping[str, Any]) -> dict[str, Correction]:
    return {str(kind): Correction(float(each["scale"]), float(each["power"])) for kind, each in data.items()}


def fit_calibration(
    points: Sequence[MeasuredPoint], predictor: ChunkPredictor, *, seed: int = 0
) -> tuple[FpgaCalibration, tuple[FitError, ...]]:
    """Corrections from three quarters of the points, and their error on the rest, drawn by `seed`.

    A kind with fewer than three points, or whose predictions are all alike, gets a factor only. Raises `RequestError` for fewer
    than four points.
    """
    if len(points) < 4:
        raise RequestError(f"{len(points)} measured points; give at least four, so that one can be held out")
    said = predicted(points, predictor)
    held = set(np.random.default_rng(seed).permutation(len(points))[: math.ceil(HELD_OUT * len(points))].tolist())
    names = [name for name in said[0] if any(name in point.measured for point in points)]
    corrections: dict[str, dict[str, Correction]] = {}
    for name in names:
        for kind in KINDS:
            pairs = _pairs(points, said, name, kind, [place for place in range(len(points)) if place not in held])
            if len(pairs):
                corrections.setdefault(name, {})[kind] = _fitted(pairs)
    found = FpgaCalibration(corrections)
    errors = [_error(points, said, name, found, sorted(held)) for name in names]
    return found, tuple(each for each in errors if each is not None)


def mean_error_percent(said: np.ndarray, measured: np.ndarray) -> float:
    """Mean absolute error relative to what was measured, in percent."""
    return float(np.mean(np.abs(said - measured) / measured) * 100)


def kendall_tau(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's tau-b: 1 where both put all pairs in the same order, -1 in the opposite; NaN where one has no order at all."""
    left, right = (np.sign(each[:, None] - each[None, :]) for each in (first, second))
    pairs = math.sqrt(float(np.sum(left**2)) * float(np.sum(right**2)))
    return float(np.sum(left * right)) / pairs if pairs else math.nan


def _kind(point: MeasuredPoint) -> str:
    return KINDS[ENGINES[engine_index(point.chunk.engine)].depthwise]


def _pairs(
    points: Sequence[MeasuredPoint], said: Sequence[Mapping[str, float]], name: str, kind: str, places: Sequence[int]
) -> np.ndarray:
    """Predicted and measured [n, 2] of one quantity and kind, where both are above 0."""
    pairs = [
        (said[place][name], points[place].measured[name])
        for place in places
        if name in points[place].measured and _kind(points[place]) == kind
    ]
    rows = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return rows[(rows > 0).all(1)]


def _fitted(pairs: np.ndarray) -> Correction:
    predicted_log, measured_log = np.log(pairs.T)
    spread = predicted_log - predicted_log.mean()
    square = float(np.sum(spread**2))
    power = float(np.sum(spread * measured_log)) / square if len(pairs) >= 3 and square > 1e-9 else 1.0
    power = power if power > 0 else 1.0  # more work never takes less
    return Correction(math.exp(float(measured_log.mean() - power * predicted_log.mean())), power)


def _error(
    points: Sequence[MeasuredPoint],
    said: Sequence[Mapping[str, float]],
    name: str,
    calibration: FpgaCalibration,
    held: Sequence[int],
) -> FitError | None:
    parts = [(_pairs(points, said, name, kind, held), calibration.of(name, kind)) for kind in KINDS]
    before, measured = np.concatenate([pairs for pairs, _ in parts]).T
    after = np.concatenate([scale * pairs[:, 0] ** power for pairs, (scale, power) in parts])
    if not len(before):
        return None
    return FitError(
        quantity=name,
        points=len(before),
        before_percent=mean_error_percent(before, measured),
        after_percent=mean_error_percent(after, measured),
        before_tau=kendall_tau(before, measured),
        after_tau=kendall_tau(after, measured),
    )
