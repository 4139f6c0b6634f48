"""A network on a pipeline of chunks as a problem to search: which designs, what they cost, what they may use."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.choices import Choice, Choices, side_by_side
from netchip.hardware.fpga.assignment import Assignment
from netchip.hardware.fpga.chunk import Chunk
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.predictor import ChunkPredictor
from netchip.hardware.fpga.space import ChunkSpace
from netchip.hardware.search.problem import PartCosts, Scores, excess_of

LATENCY = "latency_cycles"
"""A limit on the cycles of one frame through all chunks, one after the other."""

SCORED_AT_ONCE = 4096
"""Designs whose layers are priced at a time."""


@dataclass(frozen=True, eq=False)
class PipelineProblem:
    """Layers on chunks of given spaces under `limits` by resource, or `LATENCY`; the cost is cycles from frame to frame.

    `assignment` says which chunk runs which layer; none makes it a choice of each layer, "layer.NAME". A chunk without layers is
    not built and takes nothing. `bandwidth_bits_per_cycle` is shared by all chunks (infinite: each has its own).
    Raises `RequestError` where numbers do not agree, or a limit is set on what the predictor does not count.
    """

    layers: LayerTable
    spaces: tuple[ChunkSpace, ...]
    assignment: Assignment | None
    predictor: ChunkPredictor
    limits: Mapping[str, float]
    bandwidth_bits_per_cycle: float = float("inf")

    def __post_init__(self) -> None:
        if not self.spaces:
            raise RequestError("a pipeline needs at least one chunk; give a space for it")
        if self.assignment is not None:
            sizes = (len(self.assignment.chunk), len(self.assignment.names))
            if sizes != (len(self.layers), len(self.spaces)):
                raise RequestError(
                    f"the assignment is of {sizes[0]} layers to {sizes[1]} chunks, but there are {len(self.layers)} and "
                    f"{len(self.spaces)}"
                )
        for name in self.limits:
            if name not in (*self.predictor.resources, LATENCY):
                known = ", ".join(self.predictor.resources)
                raise RequestError(f"{name} is limited, but this predictor counts {known}; leave that limit out")

    @property
    def parts(self) -> tuple[tuple[str, Choices], ...]:
        """Name and choices of each chunk."""
        return tuple((space.name, space.choices) for space in self.spaces)

    @property
    def choices(self) -> Choices:
        """Those of all chunks in a row, and of each layer its chunk where no assignment is given."""
        return self._choices

    @cached_property
    def _choices(self) -> Choices:
        chunks = side_by_side(self.parts)
        if self.assignment is not None:
            return chunks
        places = tuple(map(float, range(len(self.spaces))))
        return Choices((*chunks.each, *(Choice(f"layer.{name}", places) for name in self.layers.names)))

    def score(self, picks: np.ndarray) -> Scores:
        """What N designs cost."""
        size = picks.shape[1]
        if size <= SCORED_AT_ONCE:
            return self._score(picks)
        starts = range(0, size, SCORED_AT_ONCE)
        found = [self._score(picks[:, start : start + SCORED_AT_ONCE]) for start in starts]
        return Scores(
            cost=np.concatenate([each.cost for each in found]),
            excess=np.concatenate([each.excess for each in found]),
            usage={name: np.concatenate([each.usage[name] for each in found]) for name in found[0].usage},
        )

    def part_costs(self, place: int, picks: np.ndarray) -> PartCosts:
        """What N designs of one chunk cost; raises `RequestError` where the assignment is not given."""
        if self.assignment is None:
            raise RequestError("chunks depend on each other while layers choose theirs; give an assignment")
        own = self.assignment.layers_of(place)
        size = picks.shape[1]
        if not own:
            nothing = np.zeros(size)
            return PartCosts(
                cycles=nothing, traffic_bits=nothing, usage=np.zeros((len(self.limits), size)), runs=nothing == 0
            )
        return self._costs(place, self.layers.at(own), picks, None)

    def chunks_of(self, picks: np.ndarray) -> tuple[Chunk, ...]:
        """The chunks of one design [P], in their readable form."""
        return tuple(
            space.batch(picks[span][:, None]).row(0) for space, span in zip(self.spaces, self._spans, strict=True)
        )

    def assignment_of(self, picks: np.ndarray) -> Assignment:
        """Which chunk runs which layer in one design [P]."""
        if self.assignment is not None:
            return self.assignment
        chosen = picks[self._spans[-1].stop :]
        return Assignment(tuple(space.name for space in self.spaces), tuple(int(each) for each in chosen))

    @cached_property
    def _spans(self) -> list[slice]:
        """Where each chunk's picks stand."""
        ends = np.cumsum([len(space.choices) for space in self.spaces]).tolist()
        return [slice(end - len(space.choices), end) for end, space in zip(ends, self.spaces, strict=True)]

    def _score(self, picks: np.ndarray) -> Scores:
        parts = [self._part(place, picks) for place in range(len(self.spaces))]
        traffic = sum(part.traffic_bits for part in parts)
        slowest = np.max([part.cycles for part in parts], axis=0)
        used = sum(part.usage for part in parts)
        usage = {name: np.asarray(used)[row] for row, name in enumerate(self.limits)}
        runs = np.all([part.runs for part in parts], axis=0)
        return Scores(
            cost=np.where(runs, np.maximum(slowest, traffic / self.bandwidth_bits_per_cycle), np.inf),
            excess=np.where(runs, excess_of(usage, self.limits, picks.shape[1]), np.inf),
            usage=usage,
        )

    def _part(self, place: int, picks: np.ndarray) -> PartCosts:
        own = picks[self._spans[place]]
        if self.assignment is not None:
            return self.part_costs(place, own)
        used = picks[self._spans[-1].stop :] == place
        found = self._costs(place, self.layers, own, used)
        built = used.any(0)
        return PartCosts(
            cycles=found.cycles,
            traffic_bits=found.traffic_bits,
            usage=np.where(built, found.usage, 0.0),
            runs=found.runs,
        )

    def _costs(self, place: int, layers: LayerTable, picks: np.ndarray, used: np.ndarray | None) -> PartCosts:
        found = self.predictor(layers, self.spaces[place].batch(picks), used)
        mine = np.ones_like(found.runs) if used is None else used
        size = (picks.shape[1],)
        cycles = np.where(mine, found.cycles, 0.0).sum(0)
        every = {**found.usage, LATENCY: cycles}
        return PartCosts(
            cycles=cycles,
            traffic_bits=np.where(mine, found.traffic_bits, 0.0).sum(0),
            usage=np.stack([np.broadcast_to(every[name], size) for name in self.limits])
            if self.limits
            else np.zeros((0, *size)),
            runs=(found.runs | ~mine).all(0),
        )
