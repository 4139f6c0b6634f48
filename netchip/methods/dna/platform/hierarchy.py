"""Space B as a platform: one array under a buffer and a DRAM, under limits of area, power, energy and latency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from torch import Tensor

from netchip.errors import BudgetError, RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.hierarchy.problem import LIMITED, HierarchyProblem, Objective, Sizes, kind_choices
from netchip.hardware.hierarchy.technology import Technology
from netchip.hardware.mapping import Mapping as LoopMapping
from netchip.hardware.search.from_start import FromStart
from netchip.hardware.search.genetic import Genetic
from netchip.hardware.search.searching import Engine, Found, search
from netchip.methods.dna.platform.designs import HierarchyDesign
from netchip.methods.dna.platform.hierarchy_report import array_report
from netchip.methods.dna.platform.platform import Design, PairReport
from netchip.workload.layer import Layer
from netchip.workload.network import Workload

BUILT = ("area_mm2", "power_w")
PACE = ("energy_pj", "latency_s")
SIZES = ("units", "register_bytes", "buffer_kib")
_KINDS = ("conv", "depthwise")


@dataclass(frozen=True, kw_only=True)
class HierarchyPlatform:
    """Hierarchies of one technology, with `sizes` to choose from.

    `limits`: area_mm2 and power_w hold for what is built; energy_pj and latency_s of a frame are targets of pace, as are `fps` and
    `edp_pj_s`. `objective`: what is made small, "edp" (pJ s), "energy" (pJ) or "latency" (s). `engine` spends `calls` predictor
    calls with `seed`; there is no exact one. Raises `RequestError` where these do not agree.
    """

    technology: Technology
    sizes: Sizes = field(default_factory=Sizes)
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    fps: float | None = None
    edp_pj_s: float | None = None
    objective: Objective = "edp"
    engine: Engine = field(default_factory=Genetic)
    calls: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        asked = {**self.limits, "fps": self.fps, "edp_pj_s": self.edp_pj_s}
        for name, value in asked.items():
            if name not in (*LIMITED, "fps", "edp_pj_s"):
                raise RequestError(f"{name!r} is nothing to limit here; there are {', '.join(LIMITED)}")
            if value is not None and not 0 < value < float("inf"):
                raise RequestError(f"{name} = {value}: give a number above 0, or leave it out")
        if "area_mm2" in self.limits:
            self._check_area(self.limits["area_mm2"])

    @property
    def name(self) -> str:
        """That of its accelerators."""
        return f"hierarchy-{self.technology.name}"

    @property
    def target(self) -> float:
        """In the unit of the objective; infinite where nothing is asked of it."""
        if self.objective == "energy":
            return self.limits.get("energy_pj", float("inf"))
        return self._latency_limit if self.objective == "latency" else self.edp_pj_s or float("inf")

    @property
    def calls_each(self) -> int:
        """What the engine spends; twice as much where no design meets the targets of pace."""
        return self.calls

    def best(self, workload: Workload, *, start: Design | None = None) -> HierarchyDesign:
        """The best that the engine finds: within every limit where it finds one, else within those of what is built."""
        begin = start if isinstance(start, HierarchyDesign) else None
        found = self._found(workload, self._limits_of((*BUILT, *PACE)), begin)
        if found.excess > 0 and len(self._limits_of(PACE)):
            found = self._found(workload, self._limits_of(BUILT), begin)
        try:
            return self._design(self._problem(workload.layers), found.require().picks, begin)
        except BudgetError as error:
            raise BudgetError(f"{self.name}: {error}") from None

    def loads(self, design: Design, layers: Sequence[Layer]) -> np.ndarray:
        """Energy in pJ and latency in s of each layer, [2, L]."""
        problem, picks = self._fixed(_hierarchy(design), layers)
        energy, cycles = problem.layer_costs(picks)
        return np.stack([energy, cycles / self.technology.frequency_hz.value])

    def combine(self, totals: Tensor) -> Tensor:
        """Energy x latency, or the one that is made small."""
        energy, latency = totals[..., 0], totals[..., 1]
        return {"edp": energy * latency, "energy": energy, "latency": latency}[self.objective]

    def cost(self, design: Design, workload: Workload) -> float:
        """The objective, exact."""
        problem, picks = self._fixed(_hierarchy(design), workload.layers)
        return float(problem.score(picks[:, None]).cost[0])

    def report(self, design: Design, workload: Workload) -> PairReport:
        """Everything about a pair, layer by layer."""
        accelerator, mappings = self.built(design, workload)
        limits = self._limits_of((*BUILT, *PACE))
        if self.fps is not None:
            limits["frame_s"] = 1 / self.fps
        if self.edp_pj_s is not None:
            limits["edp_pj_s"] = self.edp_pj_s
        return array_report(workload, accelerator, mappings, limits, self.objective)

    def built(self, design: Design, workload: Workload) -> tuple[Accelerator, tuple[LoopMapping, ...]]:
        """The accelerator and each layer's mapping, as the cost model and exporters take them."""
        problem, picks = self._fixed(_hierarchy(design), workload.layers)
        return problem.accelerator_of(picks), problem.mappings_of(picks)

    def advice(self, workload: Workload, report: PairReport) -> str:
        """The least that the engine finds of each broken target alone, within the limits of what is built."""
        parts: list[str] = []
        for objective, name, quantity in (("energy", "energy_pj", "energy_pj"), ("latency", "latency_s", "latency_s")):
            broken = name in report.over or (objective == "latency" and "frame_s" in report.over)
            if broken:
                alone = replace(self, objective=objective, limits=self._limits_of(BUILT))
                least = alone.cost(alone.best(workload), workload)
                parts.append(f"the least {quantity} found, whatever else, is {least:,.6g}")
        found = "; ".join(parts) or "allow more"
        return f"{found}; ask for less, or make the network smaller"

    def _found(self, workload: Workload, limits: Mapping[str, float], start: HierarchyDesign | None) -> Found:
        problem = self._problem(workload.layers, limits)
        engine = self.engine
        if start is not None:
            engine = FromStart(engine, problem.choices.picks_of(_complete(start))[:, 0])
        return search(problem, engine, calls=self.calls, seed=self.seed)

    def _problem(self, layers: Sequence[Layer], limits: Mapping[str, float] | None = None) -> HierarchyProblem:
        return HierarchyProblem(tuple(layers), self.technology, limits or {}, self.sizes, self.objective)

    def _design(self, problem: HierarchyProblem, picks: np.ndarray, start: HierarchyDesign | None) -> HierarchyDesign:
        """The design of some picks; a kind of layer that the network lacks is `start`'s, else as the other kind."""
        own = {name: float(value[0]) for name, value in problem.choices.values(picks[:, None]).items()}
        values = {**(dict(start.values) if start else {}), **own}
        design = HierarchyDesign(self.technology.name, tuple(values.items()))
        return HierarchyDesign(self.technology.name, tuple(_complete(design).items()))

    def _fixed(self, design: HierarchyDesign, layers: Sequence[Layer]) -> tuple[HierarchyProblem, np.ndarray]:
        """The design as the only sizes of a problem, and its picks [P]."""
        if design.technology != self.technology.name:
            raise RequestError(
                f"this design is of {design.technology!r}, and the platform of {self.technology.name!r}; search it here again"
            )
        values = _complete(design)
        sizes = Sizes(*((int(values[name]),) for name in SIZES))
        problem = HierarchyProblem(tuple(layers), self.technology, {}, sizes, self.objective)
        return problem, problem.choices.picks_of(values)[:, 0]

    def _limits_of(self, names: Sequence[str]) -> dict[str, float]:
        found = {name: limit for name, limit in self.limits.items() if name in names}
        if "latency_s" in names and np.isfinite(self._latency_limit):
            found["latency_s"] = self._latency_limit
        return found

    @cached_property
    def _latency_limit(self) -> float:
        """Seconds of a frame; frames follow one another."""
        return min(self.limits.get("latency_s", float("inf")), 1 / self.fps if self.fps else float("inf"))

    def _check_area(self, limit: float) -> None:
        sizes = self.sizes
        least = self.technology.area_mm2(min(sizes.units), min(sizes.register_bytes) * 8, min(sizes.buffer_kib) * 8192)
        if least > limit:
            raise BudgetError(
                f"area_mm2 = {limit:g}: the smallest of this space takes {least:.4g} ({least / limit - 1:.1%} too much); allow "
                "that much, or smaller sizes"
            )


def _hierarchy(design: Design) -> HierarchyDesign:
    if not isinstance(design, HierarchyDesign):
        raise RequestError(
            f"a design of kind {design.kind!r} is none for a hierarchy; give one that this platform found"
        )
    return design


def _complete(design: HierarchyDesign) -> dict[str, float]:
    """Values of both kinds of layers: where one is missing it is as the other."""
    values = dict(design.values)
    for kind, other in (_KINDS, _KINDS[::-1]):
        for choice in kind_choices(kind):
            if choice.name not in values:
                values[choice.name] = values[f"{other}{choice.name.removeprefix(kind)}"]
    return values
