"""The most that a network on a chip may cost, and by how much it is over."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from netchip.errors import BudgetError, ConfigError, RequestError
from netchip.hardware.memory_size import bits_of_size
from netchip.spec import Spec
from netchip.units import (
    COUNTS,
    PICOJOULE_SECONDS,
    PICOJOULES,
    SECONDS,
    SQUARE_MILLIMETRES,
    bits_to_bytes,
    format_bytes,
    format_count,
    format_energy_pj,
    format_seconds,
    read_quantity,
)

Most = Annotated[float, Field(gt=0, allow_inf_nan=False)] | None


@dataclass(frozen=True)
class _Quantity:
    """How people name, write and read a limit."""

    word: str
    read: Callable[[str], float]
    written: Callable[[float], str]


def _in(units: Mapping[str, float]) -> Callable[[str], float]:
    return lambda text: read_quantity(text, units)


_QUANTITIES: dict[str, _Quantity] = {
    "energy_pj": _Quantity("energy", _in(PICOJOULES), format_energy_pj),
    "latency_s": _Quantity("latency", _in(SECONDS), format_seconds),
    "edp_pj_s": _Quantity("edp", _in(PICOJOULE_SECONDS), lambda value: f"{format_energy_pj(value)} s"),
    "area_mm2": _Quantity("area", _in(SQUARE_MILLIMETRES), lambda value: f"{value:.3g} mm²"),
    "macs": _Quantity("macs", _in(COUNTS), format_count),
    "weight_bits": _Quantity("weights", bits_of_size, lambda value: format_bytes(bits_to_bytes(math.ceil(value)))),
}
_FIELDS = {quantity.word: field for field, quantity in _QUANTITIES.items()}


class Budget(Spec):
    """Maxima, each of them optional: energy in pJ and latency in s of a pass over the batch, their product in pJ s, area in mm2,
    multiply-accumulates of a pass, bits that memory holds for the weights.
    """

    energy_pj: Most = None
    latency_s: Most = None
    edp_pj_s: Most = None
    area_mm2: Most = None
    macs: Most = None
    weight_bits: Most = None

    @classmethod
    def of(cls, words: Sequence[str]) -> Self:
        """The budget that `["energy=5mJ", "latency=3.5ms", "area=2mm2"]` says; the other names are edp, macs and weights.

        Raises `ConfigError` that names the word and what there is.
        """
        limits: dict[str, float] = {}
        for word in words:
            name, most = _limit(word)
            if name in limits:
                raise ConfigError(f"budget {word!r}: {_QUANTITIES[name].word} is limited twice; keep one limit")
            limits[name] = most
        return cls.parse(limits, source="budget")

    @property
    def limits(self) -> dict[str, float]:
        """The maxima that are given, by name."""
        return {name: float(most) for name, most in self if most is not None}

    def violations(self, totals: Mapping[str, float]) -> dict[str, float]:
        """By how much `totals` are over, by name of what is: 0.25 is a quarter too much. Empty where the budget is met.

        Raises `RequestError` where a limit is set on something that `totals` do not know, such as the area of a chip without areas.
        """
        over: dict[str, float] = {}
        for name, most in self.limits.items():
            value = totals.get(name)
            if value is None or not math.isfinite(value):
                raise RequestError(
                    f"budget: {name} is limited to {most:g}, but its value is not known; give the chip what it takes, or "
                    "leave the limit out"
                )
            if value > most:
                over[name] = value / most - 1
        return over

    def verdict(self, totals: Mapping[str, float]) -> str:
        """In words: what was reached of each limit where all are met, else what is over and by how much."""
        over = self.violations(totals)
        if over:
            parts = [
                f"{_QUANTITIES[name].word} {self._reached(name, totals)} is {_percent(share)} over {self._most(name)}"
                for name, share in over.items()
            ]
            return f"does not meet the budget: {', '.join(parts)}"
        parts = [
            f"{_QUANTITIES[name].word} {self._reached(name, totals)} of at most {self._most(name)}"
            for name in self.limits
        ]
        return f"meets the budget: {', '.join(parts)}"

    def require(self, totals: Mapping[str, float], what: str) -> None:
        """Raises `BudgetError` that names what of `what` is over and what was reached."""
        if self.violations(totals):
            raise BudgetError(f"{what} {self.verdict(totals)}; allow more, search longer or change the chip")

    def _reached(self, name: str, totals: Mapping[str, float]) -> str:
        return _QUANTITIES[name].written(totals[name])

    def _most(self, name: str) -> str:
        return _QUANTITIES[name].written(self.limits[name])


def _limit(word: str) -> tuple[str, float]:
    """The field that a word limits, and the most it allows."""
    name, given, text = word.partition("=")
    known = ", ".join(_FIELDS)
    if not given:
        raise ConfigError(
            f"budget {word!r}: write what is limited and the most of it, as in energy=5mJ; there are {known}"
        )
    if name not in _FIELDS:
        raise ConfigError(f"budget {word!r}: {name!r} is nothing to limit; there are {known}")
    try:
        return _FIELDS[name], _QUANTITIES[_FIELDS[name]].read(text)
    except ValueError as error:
        raise ConfigError(f"budget {word!r}: {error}") from None


def _percent(share: float) -> str:
    """By how much, with one decimal where that says something."""
    if share < 0.001:
        return "less than 0.1%"
    return f"{share:.1%}" if share < 10 else f"{share:.0%}"
