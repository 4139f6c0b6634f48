"""Budgets as people write them, and the measure that each is in. No torch: the command line reads this.

"10%" is the share of the teacher's cost that is kept. "9 GMACs" and "250M" are multiply-accumulates, "300k parameters" weights,
"1.2 MB" bytes, "3.5 ms" a latency measured on this device, "2 mJ" an energy modelled for a chip.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from netchip.errors import ConfigError

MeasureName = Literal["macs", "parameters", "bytes", "latency", "energy", "modelled_latency"]

_WRITTEN = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-zA-Zµ%]*)\s*([a-zA-Z]*)\s*")
_STEPS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_MACS = _STEPS | {f"{step}macs": size for step, size in _STEPS.items()}
_BYTES = {f"{step}b": size for step, size in _STEPS.items()} | {"kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_PICOJOULES = {"pj": 1.0, "nj": 1e3, "uj": 1e6, "µj": 1e6, "mj": 1e9, "j": 1e12}
_UNITS: Mapping[MeasureName, Mapping[str, float]] = {
    "macs": _MACS,
    "parameters": {f"{step}parameters": size for step, size in _STEPS.items()} | _STEPS,
    "bytes": _BYTES,
    "latency": _SECONDS,
    "energy": _PICOJOULES,
    "modelled_latency": _SECONDS,
}
_FORM = (
    'write "10%" (the share of the teacher kept), "9 GMACs", "250M", "300k parameters", "1.2 MB", "3.5 ms" or "2 mJ"'
)


@dataclass(frozen=True)
class TargetBudget:
    """A budget in the base unit of `measure` (MACs, parameters, bytes, s, pJ), or a share of the teacher's cost, in (0, 1)."""

    measure: MeasureName
    value: float
    is_share: bool
    written: str

    def of(self, teacher: float | None) -> float:
        """The amount, for a teacher that costs `teacher`; raises `ConfigError` for a share where that is not known."""
        if not self.is_share:
            return self.value
        if teacher is None:
            raise ConfigError(
                f"budget = {self.written!r}: what the teacher costs is not known, since it is no torch module; give an amount, "
                'such as "9 GMACs"'
            )
        return self.value * teacher


def parse_budget(written: str | float, measure: MeasureName | None = None) -> TargetBudget:
    """Reads a budget. Without `measure` its unit says what it is in, and a share or a bare number is in MACs.

    Raises `ConfigError` for a share outside 0 % to 100 %, for an amount of zero, and for a unit that is not one of `measure`'s.
    """
    if measure is not None and measure not in get_args(MeasureName):
        raise ConfigError(f"measure = {measure!r}: known are {', '.join(get_args(MeasureName))}")
    text = f"{written:.15g}" if isinstance(written, (int, float)) else str(written)
    match = _WRITTEN.fullmatch(text)
    if not match:
        raise ConfigError(f"budget = {text!r}: {_FORM}")
    number, unit = float(match[1]), (match[2] + match[3]).lower()
    if unit == "%":
        return _share(number, text, measure or "macs")
    name = measure or _measure_of(unit, text)
    if unit not in _UNITS[name]:
        known = ", ".join(each for each in _UNITS[name] if each)
        raise ConfigError(f"budget = {text!r}: {name} has no unit {unit!r}; known: {known}, or % of the teacher's")
    if number <= 0:
        raise ConfigError(f"budget = {text!r}: a budget is above 0")
    return TargetBudget(name, number * _UNITS[name][unit], False, text.strip())


def _share(number: float, text: str, measure: MeasureName) -> TargetBudget:
    share = number / 100.0
    if not 0.0 < share < 1.0:
        raise ConfigError(
            f"budget = {text!r}: a share is above 0 % and below 100 % of the teacher's cost; it is what is kept"
        )
    return TargetBudget(measure, share, True, f"{number:g} %")


def _measure_of(unit: str, text: str) -> MeasureName:
    for name in ("macs", "parameters", "bytes", "latency", "energy"):
        if unit in _UNITS[name]:
            return name
    raise ConfigError(f"budget = {text!r}: {unit!r} is no unit of a budget; {_FORM}")
