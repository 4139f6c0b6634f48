"""Budgets as people write them: "60%" is the share kept, "250M" or "3.5 ms" an amount. No torch: the command line reads this."""

from collections.abc import Mapping
from dataclasses import dataclass

from netchip.errors import ConfigError
from netchip.units import number_and_unit

MACS_UNITS: Mapping[str, float] = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
LATENCY_UNITS: Mapping[str, float] = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Amount:
    """A budget: a share of the dense network's (`is_share`, above 0 and below 1), or an amount in the base unit."""

    value: float
    is_share: bool
    written: str

    def of(self, dense: float) -> float:
        """The amount, for a network whose dense form needs `dense`."""
        return self.value * dense if self.is_share else self.value


def parse_macs(written: str | int) -> Amount:
    """Multiply-accumulates an image: "60%", "250M", 250_000_000. Raises `ConfigError` for anything else."""
    return _parse(str(written), MACS_UNITS, "macs", '"60%" (the share kept), "250M" or a whole number')


def parse_latency(written: str) -> Amount:
    """Seconds a forward pass: "60%", "3.5 ms". Raises `ConfigError` for anything else."""
    return _parse(written, LATENCY_UNITS, "latency", '"60%" (the share kept) or a time with its unit, "3.5 ms"')


def _parse(written: str, units: Mapping[str, float], name: str, form: str) -> Amount:
    split = number_and_unit(written)
    number, unit = split or (0.0, "")
    if split and unit == "%":
        share = number / 100.0
        if not 0.0 < share < 1.0:
            raise ConfigError(f"{name} = {written!r}: a share is above 0 % and below 100 %; it is what is kept")
        return Amount(share, True, f"{number:g} %")
    if unit.lower() not in units or number <= 0:
        raise ConfigError(f"{name} = {written!r}: write {form}")
    return Amount(number * units[unit.lower()], False, written.strip())
