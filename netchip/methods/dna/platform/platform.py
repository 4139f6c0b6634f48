"""A platform: a space of accelerators under limits, seen from a network. What the two searches say to each other.

Loads are linear in execution: the expected load of a supernet is the sum over positions and options of probability times load, and
the loads of its fixed layers. `combine` makes of such sums the figure that the hardware search makes small, so that both searches
have one objective (the released code had three).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from netchip.errors import BudgetError
from netchip.workload.layer import Layer
from netchip.workload.network import Workload


class Design(Protocol):
    """One accelerator, frozen. `design_from_json` (`designs.py`) reads what `to_json` wrote, of either kind."""

    @property
    def kind(self) -> str:
        """ "fpga" or "hierarchy"."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        ...


@dataclass(frozen=True, kw_only=True)
class LayerRow:
    """One layer of a pair: the part that runs it, its cycles in a frame, its DRAM bits, what sets its pace.

    `utilisation` is the share of the part's multipliers at work. `energy_pj` is nothing where the platform models none.
    """

    name: str
    part: str
    cycles: float
    traffic_bits: float
    utilisation: float
    bound_by: str
    macs: float
    energy_pj: float | None = None


@dataclass(frozen=True, kw_only=True)
class PartRow:
    """One part of a pair (a chunk; the array of a hierarchy): cycles of a frame, share of the DRAM traffic, what it uses.

    `macs_per_cycle` is the most that it computes; `usage` is by resource.
    """

    name: str
    cycles: float
    traffic_share: float
    macs_per_cycle: float
    usage: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class PairReport:
    """A network on an accelerator: what it costs, what it uses beside what it may, and what binds.

    `cost` is the platform's objective (cycles from frame to frame; energy x latency in pJ s, or one of them). `usage` and `limits`
    are by name; a target of frames a second is there as the limit of "frame_s", the seconds from frame to frame. `latency_s` is
    that of one frame through everything. `energy_pj` is nothing where the platform models none.
    """

    platform: str
    cost: float
    fps: float
    latency_s: float
    bound_by: str
    parts: tuple[PartRow, ...]
    layers: tuple[LayerRow, ...]
    usage: Mapping[str, float]
    limits: Mapping[str, float]
    dram_bits_per_cycle: float
    energy_pj: float | None = None

    @property
    def edp_pj_s(self) -> float | None:
        """Energy of a frame times its latency, in pJ s; nothing where no energy is modelled."""
        return None if self.energy_pj is None else self.energy_pj * self.latency_s

    @property
    def over(self) -> dict[str, float]:
        """By how much limits are broken, by name: 0.25 is a quarter too much. Empty where all are kept."""
        return {
            name: self.usage[name] / limit - 1 if limit else float("inf")
            for name, limit in self.limits.items()
            if self.usage[name] > limit
        }

    def require(self) -> "PairReport":
        """Itself; raises `BudgetError` that names every limit that is broken, what is used and what there is."""
        if self.over:
            parts = [f"{name} {self.usage[name]:,.6g} of {self.limits[name]:,.6g}" for name in self.over]
            raise BudgetError(
                f"this pair does not keep its limits on {self.platform}: {', '.join(parts)}; search again under these limits, or "
                "allow more"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """Plain values, what is derived included."""
        return {**asdict(self), "edp_pj_s": self.edp_pj_s, "over": self.over}


class Platform(Protocol):
    """A space of accelerators under limits, seen from a network: what is best for it, and what each layer then costs."""

    @property
    def target(self) -> float:
        """What `cost` is to reach: cycles from frame to frame for a target of frames a second, or an EDP in pJ s; else infinite."""
        ...

    @property
    def name(self) -> str:
        """What tables call it, such as "zc706"."""
        ...

    def best(self, workload: Workload, *, start: Design | None = None) -> Design:
        """The best design for a network, within the limits of what is built (resources, area, power).

        The target of pace is not among these, since a network that moves may reach it later: `report(...).require()` holds a pair
        to everything. `start` is a design to begin from, or not to fall behind. Raises `BudgetError` that names the binding limit,
        by how much, and the nearest feasible point; `RequestError` that names a layer which no design runs.
        """
        ...

    def loads(self, design: Design, layers: Sequence[Layer]) -> np.ndarray:
        """What each layer adds to each of C loads under a design, [C, L]; always finite.

        FPGA: a row a chunk, cycles on the chunk where the design's rule puts the layer and 0 on the others; the last row holds
        the DRAM's cycles. Hierarchy: energy in pJ and latency in s. A layer that the design cannot run has a large price.
        """
        ...

    def combine(self, totals: Tensor) -> Tensor:
        """Loads [..., C] summed over a network as one figure [...], differentiable.

        FPGA: a smooth maximum (at most a few percent above the largest). Hierarchy: energy x latency, or the one that counts.
        """
        ...

    def cost(self, design: Design, workload: Workload) -> float:
        """The objective as the hardware search sees it, exact; infinite where the design cannot run the network."""
        ...

    def report(self, design: Design, workload: Workload) -> PairReport:
        """Everything about a pair; raises `RequestError` that names a layer which the design cannot run."""
        ...
