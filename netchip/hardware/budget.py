"""The most that a network on a chip may cost, and by how much it is over."""

import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from netchip.errors import BudgetError, RequestError
from netchip.spec import Spec

Most = Annotated[float, Field(gt=0, allow_inf_nan=False)] | None


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

    def require(self, totals: Mapping[str, float], what: str) -> None:
        """Raises `BudgetError` that names what of `what` is over and what was reached."""
        over = self.violations(totals)
        if over:
            parts = ", ".join(
                f"{name} {totals[name]:.4g} is {share:.1%} over {self.limits[name]:.4g}" for name, share in over.items()
            )
            raise BudgetError(f"{what} does not meet the budget: {parts}; allow more, search longer or change the chip")
