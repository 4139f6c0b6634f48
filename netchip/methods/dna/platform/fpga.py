"""Space A as a platform: chunks in a pipeline on a board, under its resources and a target of frames a second."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from netchip.errors import BudgetError, RequestError
from netchip.hardware.fpga.assignment import Assignment, by_map_size
from netchip.hardware.fpga.board import RESOURCES, Board
from netchip.hardware.fpga.calibrated import CalibratedPredictor, FpgaCalibration
from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.partition import layers_able, solve_contiguous
from netchip.hardware.fpga.pipeline import evaluate_pipeline
from netchip.hardware.fpga.predictor import ChunkPredictor, FpgaPredictor
from netchip.hardware.fpga.problem import LATENCY, PipelineProblem
from netchip.hardware.fpga.space import ChunkSpace
from netchip.hardware.search.exact import Optimum, Tables, tabulate
from netchip.hardware.search.searching import Engine, search
from netchip.methods.dna.platform.designs import PipelineDesign
from netchip.methods.dna.platform.limits import advice_of, contradiction
from netchip.methods.dna.platform.pipeline_report import pair_report
from netchip.methods.dna.platform.platform import Design, PairReport
from netchip.methods.dna.platform.rules import MapSizeRule, NamedRule, Rule
from netchip.workload.layer import Layer
from netchip.workload.network import Workload

Assigning = Literal["map-size", "contiguous", "learned"]
UNABLE_CYCLES_PER_MAC = 1000.0
"""The price of a layer that a design cannot run: what a search leaves, and still a number."""


@dataclass(frozen=True, kw_only=True)
class FpgaPlatform:
    """Pipelines of the chunks in `spaces` on a board.

    `assigning`: "map-size" gives layers to chunks by the released rule at `bounds`, "contiguous" by the best partition in order
    (found in turns with the chunks), "learned" lets the engine choose each layer's chunk. `limits` by resource replace what is
    usable of the board, and are never above it. `fps` and `latency_s` (of one frame through all chunks) are targets of pace.
    `engine`: none is exact; else one of `hardware/search`, which spends `calls` predictor calls with `seed`; "learned" needs one.
    `calibration` brings our predictor to measured points.
    `sharpness` of the smooth maximum: the power of a power mean, at most C^(1 / sharpness) above the largest of C loads.
    Raises `RequestError` where these do not agree.
    """

    board: Board
    spaces: tuple[ChunkSpace, ...]
    assigning: Assigning = "map-size"
    bounds: tuple[int, ...] = (16,)
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    fps: float | None = None
    latency_s: float | None = None
    engine: Engine | None = None
    calls: int = 20_000
    seed: int = 0
    calibration: FpgaCalibration | None = None
    sharpness: float = 20.0

    def __post_init__(self) -> None:
        usable = self.board.limits
        for name, limit in self.limits.items():
            if name not in RESOURCES:
                raise RequestError(f"no resource is called {name!r}; there are {', '.join(RESOURCES)}")
            if not 0 <= limit <= usable[name]:
                raise RequestError(
                    f"{name} = {limit:g}: {self.board.name} has {usable[name]:g} usable; give from 0 to that many"
                )
        for name in ("fps", "latency_s"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise RequestError(f"{name} = {value}: give a number above 0, or leave it out")
        if self.assigning == "learned" and self.engine is None:
            raise RequestError("a learned assignment has no exact engine; give one such as Gumbel(), or assign by rule")
        if self.assigning == "contiguous" and self.engine is not None:
            raise RequestError("partitions are searched with the exact engine; leave the engine out, or assign by rule")
        if self.assigning == "map-size" and len(self.spaces) != 2 * (len(self.bounds) + 1):
            raise RequestError(
                f"{len(self.spaces)} chunks for bounds {list(self.bounds)}; the rule needs {2 * (len(self.bounds) + 1)}: one for "
                "each kind of layer and band of heights"
            )

    @property
    def name(self) -> str:
        """The board's."""
        return self.board.name

    @property
    def target(self) -> float:
        """Cycles from frame to frame; infinite where no frames a second are asked for."""
        return float("inf") if self.fps is None else self.board.frequency_hz.value / self.fps

    @property
    def calls_each(self) -> int:
        """Designs of single chunks where the search is exact (of a partition: each turn), else what the engine spends."""
        return sum(space.choices.count for space in self.spaces) if self.engine is None else self.calls

    @cached_property
    def predictor(self) -> ChunkPredictor:
        """Ours, with the calibration where there is one."""
        plain = FpgaPredictor(self.board)
        return plain if self.calibration is None else CalibratedPredictor(plain, self.calibration)

    @cached_property
    def built_limits(self) -> dict[str, float]:
        """The most that is built of each resource."""
        return {name: self.limits.get(name, most) for name, most in self.board.limits.items() if name in RESOURCES}

    def best(self, workload: Workload, *, start: Design | None = None) -> PipelineDesign:
        """The design of the fewest cycles from frame to frame, exact where the engine is.

        A chunk that no layer goes to is `start`'s, else the first of its space. Raises as the protocol says.
        """
        problem = self.problem(workload.layers)
        found = self._found(problem)
        return self._at_least(found, start, workload) if isinstance(start, PipelineDesign) else found

    def loads(self, design: Design, layers: Sequence[Layer]) -> np.ndarray:
        """Cycles on each chunk and of the DRAM, [chunks + 1, L]."""
        own, table = _pipeline(design), LayerTable.of(layers)
        cycles, traffic = self._priced(own, table)
        places = np.asarray(own.rule.places(table, cycles))
        columns = np.arange(len(table))
        macs = np.asarray(table.macs * table.rate)[:, 0]
        mine = cycles[places, columns]
        found = np.zeros((len(own.chunks) + 1, len(table)))
        found[places, columns] = np.where(np.isfinite(mine), mine, UNABLE_CYCLES_PER_MAC * macs)
        found[-1] = traffic[places, columns] / self.board.bandwidth_bits_per_cycle
        return found

    def combine(self, totals: Tensor) -> Tensor:
        """A smooth maximum: log-sum-exp of logarithms, whose temperature is relative to the loads."""
        logs = torch.log(totals.clamp_min(torch.finfo(totals.dtype).tiny))
        return torch.exp(torch.logsumexp(self.sharpness * logs, dim=-1) / self.sharpness)

    def cost(self, design: Design, workload: Workload) -> float:
        """Cycles from frame to frame; infinite where a chunk cannot run a layer that the rule gives it."""
        own, table = _pipeline(design), LayerTable.of(workload.layers)
        cycles, traffic = self._priced(own, table)
        places = own.rule.places(table, cycles)
        columns = np.arange(len(table))
        mine = cycles[places, columns]
        slowest = max(float(mine[np.asarray(places) == place].sum()) for place in range(len(own.chunks)))
        return max(slowest, float(traffic[places, columns].sum()) / self.board.bandwidth_bits_per_cycle)

    def report(self, design: Design, workload: Workload) -> PairReport:
        """Everything about a pair, chunk by chunk and layer by layer."""
        own = _pipeline(design)
        assignment = self.assignment(own, workload.layers)
        found = evaluate_pipeline(
            workload.layers, own.chunks, assignment, self.board, limits=self.built_limits, predictor=self.predictor
        )
        return pair_report(found, workload, fps=self.fps, latency_s=self.latency_s)

    def assignment(self, design: PipelineDesign, layers: Sequence[Layer]) -> Assignment:
        """Which chunk of a design runs which layer."""
        table = LayerTable.of(layers)
        return Assignment(design.names, design.rule.places(table, self._priced(design, table)[0]))

    def problem(self, layers: Sequence[Layer]) -> PipelineProblem:
        """The hardware search for these layers; raises `RequestError` that names a layer no design of its chunk runs."""
        table = LayerTable.of(layers)
        if self.assigning == "map-size":
            table = _merged(table)
        names = tuple(space.name for space in self.spaces)
        rule = None
        if self.assigning == "map-size":
            rule = Assignment(names, by_map_size(table, self.bounds).chunk)
        elif self.assigning == "contiguous":
            rule = Assignment(names, (0,) * len(table))  # not looked at
        found = PipelineProblem(
            table,
            self.spaces,
            rule,
            self.predictor,
            self.built_limits | self._latency_limit,
            self.board.bandwidth_bits_per_cycle,
        )
        self._check_runs(found)
        return found

    @property
    def _latency_limit(self) -> dict[str, float]:
        exact = self.engine is None and self.assigning == "map-size"
        return {LATENCY: self.latency_s * self.board.frequency_hz.value} if self.latency_s and exact else {}

    def tables(self, workload: Workload) -> Tables:
        """Every chunk's designs priced, to be asked under many limits; only for layers assigned by map size."""
        return tabulate(self.problem(workload.layers))

    def advice(self, workload: Workload, report: PairReport) -> str:
        """Which limit raised alone would let the network keep its pace; exact where layers are assigned by map size."""
        if self.assigning != "map-size" or "frame_s" not in report.over:
            return "allow more, search longer, or change the space"
        return advice_of(self.tables(workload), self.target)

    def _found(self, problem: PipelineProblem) -> PipelineDesign:
        if self.assigning == "contiguous":
            optimum, assignment = solve_contiguous(problem)
            named = NamedRule(tuple(zip(problem.layers.names, assignment.chunk, strict=True)))
            return self._design(problem, optimum.picks, named)
        if self.engine is None:
            return self._design(problem, self._exact(problem).picks, MapSizeRule(self.bounds))
        picks = search(problem, self.engine, calls=self.calls, seed=self.seed).require().picks
        rule: Rule = MapSizeRule(self.bounds)
        if self.assigning == "learned":
            rule = NamedRule(tuple(zip(problem.layers.names, problem.assignment_of(picks).chunk, strict=True)))
        return self._design(problem, picks, rule)

    def _exact(self, problem: PipelineProblem) -> Optimum:
        """The optimum; within the latency that is asked for where some design is."""
        tables = tabulate(problem)
        try:
            return tables.best()
        except BudgetError as error:
            if LATENCY not in tables.limits:
                raise BudgetError(f"{self.name}: {error}{contradiction(tables)}") from None
        free = replace(tables, limits={**tables.limits, LATENCY: float("inf")})
        try:
            return free.best()
        except BudgetError as error:
            raise BudgetError(f"{self.name}: {error}{contradiction(free)}") from None

    def _design(self, problem: PipelineProblem, picks: np.ndarray, rule: Rule) -> PipelineDesign:
        names = tuple(space.name for space in self.spaces)
        return PipelineDesign(self.board.name, names, problem.chunks_of(picks), rule)

    def _at_least(self, found: PipelineDesign, start: PipelineDesign, workload: Workload) -> PipelineDesign:
        """What was found, or `start` where that is better within the limits; idle chunks are those of `start`."""
        if start.names != found.names:
            return found
        used = set(self.assignment(found, workload.layers).chunk)
        chunks = [own if place in used else start.chunks[place] for place, own in enumerate(found.chunks)]
        kept = replace(found, chunks=tuple(chunks))
        if self.engine is None and self.assigning == "map-size":
            return kept
        better = self.cost(start, workload) < self.cost(kept, workload)
        return start if better and not self._over(start, workload) else kept

    def _over(self, design: PipelineDesign, workload: Workload) -> bool:
        over = self.report(design, workload).over
        return any(name in self.built_limits for name in over)

    def _priced(self, design: PipelineDesign, table: LayerTable) -> tuple[np.ndarray, np.ndarray]:
        """Cycles (infinite where a chunk cannot run the layer) and DRAM bits, [C, L] each."""
        found = self.predictor(table, ChunkBatch.of(design.chunks))
        cycles = np.where(np.asarray(found.runs), np.asarray(found.cycles), np.inf)
        return cycles.T, np.asarray(found.traffic_bits).T

    def _check_runs(self, problem: PipelineProblem) -> None:
        """Refuses a layer that fits no design of a chunk that it may go to."""
        able = np.stack([layers_able(problem, place) for place in range(len(self.spaces))])
        if self.assigning == "map-size" and problem.assignment is not None:
            able = able[np.asarray(problem.assignment.chunk), np.arange(len(problem.layers))][None]
        for column in np.flatnonzero(~able.any(0)):
            raise RequestError(self._misfit(problem, int(column)))

    def _misfit(self, problem: PipelineProblem, layer: int) -> str:
        table = problem.layers
        bits = max(float(table.weight_bits[layer, 0]), float(table.input_bits[layer, 0]))
        where = "any chunk"
        if self.assigning == "map-size" and problem.assignment is not None:
            where = f"chunk {self.spaces[problem.assignment.chunk[layer]].name!r}"
        return (
            f"{table.names[layer]} ({bits:g} bits) does not fit {where}: no design there has both an engine for it and as many "
            "bits; give the space more bits or another engine"
        )


def _pipeline(design: Design) -> PipelineDesign:
    if not isinstance(design, PipelineDesign):
        raise RequestError(f"a design of kind {design.kind!r} is none for an FPGA; give one that this platform found")
    return design


def _merged(table: LayerTable) -> LayerTable:
    """Layers that are alike as one whose rate is the sum of theirs, under the first one's name."""
    columns = [np.asarray(getattr(table, each.name)) for each in fields(table) if each.name not in ("names", "rate")]
    _, first, group = np.unique(np.concatenate(columns, axis=1), axis=0, return_index=True, return_inverse=True)
    rates = np.bincount(group.ravel(), weights=np.asarray(table.rate)[:, 0])
    order = np.argsort(first)
    return replace(table.at(first[order].tolist()), rate=rates[order][:, None])
