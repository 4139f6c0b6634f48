"""How far a machine's silicon is from its model: measured once for a machine, named in every report, off by default."""

from typing import Annotated

from pydantic import Field

from netchip.hardware.energy import Picojoules, Source
from netchip.spec import Spec
from netchip.units import joules_to_pj


class Calibration(Spec):
    """Factors that bring modelled numbers to those measured on silicon.

    Latency in cycles is multiplied by `latency_factor`; `control_pj_per_cycle` and `static_power_w` (watts, over the
    latency in seconds) are added to the energy.
    """

    latency_factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    control_pj_per_cycle: Picojoules = 0.0
    static_power_w: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    source: Source

    def cycles(self, cycles: float) -> float:
        """Calibrated latency in cycles."""
        return cycles * self.latency_factor

    def energy_pj(self, energy_pj: float, cycles: float, frequency_hz: float) -> float:
        """Calibrated energy in pJ of work whose *uncalibrated* latency is `cycles` at `frequency_hz`."""
        latency = self.cycles(cycles)
        return energy_pj + latency * (self.control_pj_per_cycle + joules_to_pj(self.static_power_w) / frequency_hz)
