"""What a page and a terminal show of a network's cost: the question, and the answer of each chip. All of it is modelled."""

from collections.abc import Mapping
from dataclasses import dataclass

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.budget import Budget
from netchip.hardware.cost_report import CostReport, LayerResult

MODELLED = "modelled, not measured"
_WORK = {"mac": "MACs", "hop": "hops"}


@dataclass(frozen=True, kw_only=True)
class ChipCost:
    """A network's cost on one chip; `bits` says at which precision, "8/8/8/32" (weights, inputs, outputs, sums).

    `assumed` says in sentences what the chip's file leaves open and what was taken for it.
    """

    chip: Accelerator
    bits: str
    report: CostReport
    assumed: tuple[str, ...] = ()

    @property
    def macs_per_cycle(self) -> float:
        """MACs a cycle on average over the network."""
        return self.report.macs / self.report.cycles

    @property
    def bound_by(self) -> tuple[str, float]:
        """What binds most of the cycles, and its share of them."""
        cycles: dict[str, float] = {}
        for layer in self.report.layers:
            bound = bound_of(layer)
            cycles[bound] = cycles.get(bound, 0.0) + layer.cost.cycles
        name = max(cycles, key=lambda each: cycles[each])
        return name, cycles[name] / sum(cycles.values())

    @property
    def levels(self) -> tuple[str, ...]:
        """Where energy goes, from the MACs outward: work by name, then the memories."""
        work = dict.fromkeys(
            _WORK.get(name, name) for layer in self.report.layers for name in layer.cost.work_energy_pj
        )
        return (*work, *(memory.name for memory in self.chip.memories))


@dataclass(frozen=True, kw_only=True)
class CostStudy:
    """A network on chips. `inputs` of it pass at once; `search` says how mappings were found; `uncounted` is not in any figure.

    `budget` is what each chip is held to.
    """

    network: str
    inputs: int
    macs: float
    search: str
    chips: tuple[ChipCost, ...]
    uncounted: tuple[str, ...] = ()
    budget: Budget | None = None

    def inputs_per_s(self, cost: ChipCost) -> float:
        """Inputs a second, one pass after the other."""
        return self.inputs / cost.report.latency_s

    def how(self) -> tuple[str, ...]:
        """How the figures arose, in sentences."""
        report = self.chips[0].report
        cycles = {"stalls": "stalls, first load and last drain counted", "bound": "the plain bound"}[report.latency]
        return (
            f"Conventions {report.conventions}; cycles: {cycles}; layers run one after the other.",
            f"Mappings: {self.search}, for the network's least {_objective(report)}.",
            *(_calibration(cost.report) for cost in self.chips if cost.report.calibration is not None),
            *(("No calibration.",) if all(cost.report.calibration is None for cost in self.chips) else ()),
            *(sentence for cost in self.chips for sentence in cost.assumed),
            *self.verdicts(),
        )

    def verdicts(self) -> tuple[str, ...]:
        """For each chip whether it meets the budget, by which margin or how far over; empty without a budget."""
        if self.budget is None:
            return ()
        return tuple(f"{cost.report.accelerator} {self.budget.verdict(cost.report.totals())}." for cost in self.chips)


def bound_of(layer: LayerResult) -> str:
    """What binds a layer: "compute", a port, or the first load and last drain where they take most of its cycles."""
    cost = layer.cost
    ends = cost.first_load_cycles + cost.last_drain_cycles
    return "first load, last drain" if 2 * ends > cost.cycles else cost.bound_by


def energy_by_level(layer: LayerResult) -> Mapping[str, float]:
    """Energy of a layer in pJ by `ChipCost.levels`."""
    found = {_WORK.get(name, name): energy for name, energy in layer.cost.work_energy_pj.items()}
    for (memory, _), energy in layer.cost.memory_energy_pj().items():
        found[memory] = found.get(memory, 0.0) + energy
    return found


def _objective(report: CostReport) -> str:
    names = {"edp": "energy x latency", "energy": "energy", "latency": "latency"}
    return names.get(str(report.objective), "energy x latency within the budget")


def _calibration(report: CostReport) -> str:
    known = report.calibration
    if known is None:
        return f"{report.accelerator}: no calibration."
    return (
        f"{report.accelerator}: totals calibrated, latency x {known.latency_factor:g}, {known.control_pj_per_cycle:g} pJ a cycle "
        f"for control, {known.static_power_w:g} W static ({known.source}); layers are not."
    )
