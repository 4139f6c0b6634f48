"""Chunks in a pipeline on a board: each works at another frame, and they share the DRAM. One design, layer by layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netchip.errors import BudgetError, RequestError
from netchip.hardware.fpga.assignment import Assignment
from netchip.hardware.fpga.board import RESOURCES, Board
from netchip.hardware.fpga.chunk import Chunk, ChunkBatch
from netchip.hardware.fpga.cycles import tile_times
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.packing import tile_words
from netchip.hardware.fpga.predictor import ChunkPredictor, FpgaPredictor
from netchip.hardware.fpga.tiling import tiles_of
from netchip.hardware.fpga.unrolls import unrolls_of
from netchip.workload.layer import Layer

DRAM = "dram"


@dataclass(frozen=True, kw_only=True)
class LayerOnChunk:
    """One layer of a frame: cycles, DRAM bits, share of the multipliers at work, and what sets its pace.

    `bound_by` is "compute", "inputs", "weights", "outputs", or "port" where these take turns on one.
    """

    name: str
    cycles: float
    traffic_bits: float
    utilisation: float
    bound_by: str


@dataclass(frozen=True, kw_only=True)
class ChunkReport:
    """One chunk: its layers, its resources, and its share of the DRAM traffic."""

    name: str
    chunk: Chunk
    layers: tuple[LayerOnChunk, ...]
    usage: Mapping[str, float]
    traffic_share: float

    @property
    def cycles(self) -> float:
        """Cycles of a frame."""
        return sum(layer.cycles for layer in self.layers)


@dataclass(frozen=True, kw_only=True)
class PipelineReport:
    """A pipeline on a board: what sets its pace, what it uses, and what it may use."""

    board: str
    frequency_hz: float
    chunks: tuple[ChunkReport, ...]
    traffic_bits: float
    bandwidth_bits_per_cycle: float
    limits: Mapping[str, float]

    @property
    def usage(self) -> dict[str, float]:
        """Resources of all chunks; a chunk without layers is not built."""
        return {name: sum(chunk.usage[name] for chunk in self.chunks) for name in RESOURCES}

    @property
    def cycles(self) -> float:
        """Cycles from one frame to the next: the slowest chunk's, or those the DRAM takes."""
        return max(max(chunk.cycles for chunk in self.chunks), self.traffic_bits / self.bandwidth_bits_per_cycle)

    @property
    def bound_by(self) -> str:
        """The chunk that sets the pace, or "dram"."""
        slowest = max(self.chunks, key=lambda chunk: chunk.cycles)
        return slowest.name if slowest.cycles >= self.cycles else DRAM

    @property
    def fps(self) -> float:
        """Frames a second; infinite where no frame runs any layer."""
        return self.frequency_hz / self.cycles if self.cycles else float("inf")

    @property
    def first_frame_s(self) -> float:
        """Latency of one frame through all chunks, in seconds."""
        return max(sum(chunk.cycles for chunk in self.chunks), self.cycles) / self.frequency_hz

    @property
    def over(self) -> dict[str, float]:
        """By how much resources are over their limits, by name: 0.25 is a quarter too much. Empty where all are met."""
        return {
            name: self.usage[name] / limit - 1 if limit else float("inf")
            for name, limit in self.limits.items()
            if self.usage.get(name, 0.0) > limit
        }

    def require(self) -> None:
        """Raises `BudgetError` that names every resource that is over, what is used and what there is."""
        if not self.over:
            return
        parts = [f"{name} {self.usage[name]:,.0f} of {self.limits[name]:,.0f}" for name in self.over]
        raise BudgetError(
            f"this pipeline does not fit {self.board}: {', '.join(parts)}; take smaller tiles or unrolls, fewer bits, "
            "or a larger board"
        )


def evaluate_pipeline(
    layers: Sequence[Layer],
    chunks: Sequence[Chunk],
    assignment: Assignment,
    board: Board,
    *,
    limits: Mapping[str, float] | None = None,
    predictor: ChunkPredictor | None = None,
) -> PipelineReport:
    """What a network takes on a pipeline. `limits` by resource (none: what is usable of the board); `predictor` (none: ours).

    Raises `RequestError` where numbers do not agree, or a chunk cannot run a layer it was given: it names both and says why.
    """
    if len(assignment.chunk) != len(layers) or len(assignment.names) != len(chunks):
        raise RequestError(
            f"the assignment has {len(assignment.chunk)} layers and {len(assignment.names)} chunks, but {len(layers)} and "
            f"{len(chunks)} were given"
        )
    table = LayerTable.of(layers)
    built = [place for place in range(len(chunks)) if assignment.layers_of(place)]
    predict = predictor or FpgaPredictor(board)
    parts = [
        _chunk_report(table.at(assignment.layers_of(place)), chunks[place], assignment.names[place], predict)
        for place in built
    ]
    traffic = sum(layer.traffic_bits for part in parts for layer in part.layers)
    return PipelineReport(
        board=board.name,
        frequency_hz=board.frequency_hz.value,
        chunks=tuple(_with_share(part, traffic) for part in parts),
        traffic_bits=traffic,
        bandwidth_bits_per_cycle=board.bandwidth_bits_per_cycle,
        limits=board.limits if limits is None else limits,
    )


def _with_share(part: ChunkReport, traffic: float) -> ChunkReport:
    own = sum(layer.traffic_bits for layer in part.layers)
    return ChunkReport(
        name=part.name,
        chunk=part.chunk,
        layers=part.layers,
        usage=part.usage,
        traffic_share=own / traffic if traffic else 0.0,
    )


def _chunk_report(layers: LayerTable, chunk: Chunk, name: str, predict: ChunkPredictor) -> ChunkReport:
    batch = ChunkBatch.of([chunk])
    found = predict(layers, batch)
    for place in np.flatnonzero(~found.runs[:, 0]):
        raise RequestError(_refusal(layers, int(place), chunk, name))
    units = float(unrolls_of(batch, np).units[0])
    bounds = _bounds(layers, batch)
    rows = tuple(
        LayerOnChunk(
            name=layer,
            cycles=float(found.cycles[place, 0]),
            traffic_bits=float(found.traffic_bits[place, 0]),
            utilisation=_utilisation(layers, place, float(found.cycles[place, 0]), units),
            bound_by=bounds[place],
        )
        for place, layer in enumerate(layers.names)
    )
    usage = {resource: float(value[0]) for resource, value in found.usage.items()}
    return ChunkReport(name=name, chunk=chunk, layers=rows, usage=usage, traffic_share=0.0)


def _utilisation(layers: LayerTable, place: int, cycles: float, units: float) -> float:
    """Share of the multipliers at work; 0 for a layer that no frame runs."""
    macs = float(layers.macs[place, 0] * layers.rate[place, 0])
    return macs / (cycles * units) if cycles else 0.0


def _bounds(layers: LayerTable, batch: ChunkBatch) -> list[str]:
    tiles = tiles_of(layers, batch, np)
    times = tile_times(tile_words(layers, batch, tiles, unrolls_of(batch, np), np), np)
    compute = tiles.steps * times.compute
    if bool(batch.shared_port[0]):
        port = tiles.steps * (times.inputs + times.weights) + times.outputs
        return ["compute" if own >= other else "port" for own, other in zip(compute[:, 0], port[:, 0], strict=True)]
    names = ("compute", "inputs", "weights", "outputs")
    each = np.stack([compute, tiles.steps * times.inputs, tiles.steps * times.weights, times.outputs])[:, :, 0]
    return [names[int(place)] for place in each.argmax(0)]


def _refusal(layers: LayerTable, place: int, chunk: Chunk, name: str) -> str:
    layer = layers.names[place]
    bits = int(layers.weight_bits[place, 0]), int(layers.input_bits[place, 0])
    if bits[0] > chunk.weight_bits or bits[1] > chunk.input_bits:
        return (
            f"{layer} has {bits[0]}-bit weights and {bits[1]}-bit inputs, but chunk {name!r} has {chunk.weight_bits} and "
            f"{chunk.input_bits}; give the chunk more bits, or the layer to another"
        )
    return f"{layer} is not depthwise, but chunk {name!r} is a {chunk.engine!r} engine; give the layer to another chunk"
