"""Several chunks at work at once, each layer at another image: what one layer stores, the next one loads in the next round.

The maps between layers lie in DRAM, whose place the simulator takes; all chunks begin a round together. A round takes as long as
its slowest chunk, and an image passes in as many rounds as there are layers.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from netchip.errors import RequestError, RunError
from netchip.hardware.fpga.chunk import Chunk
from netchip.rtl.chunk import ChunkHardware
from netchip.rtl.components.stream import Stream
from netchip.rtl.language import Circuit, Elaboratable, Module, Signal, amaranth
from netchip.rtl.order import outputs_of
from netchip.rtl.program import Program
from netchip.rtl.reference import IntegerLayer
from netchip.rtl.simulation import program_of, streams_of

LONGEST_ROUND_CYCLES = 10_000_000
SECOND_PER_CYCLE = 1e-6


class PipelineHardware(Elaboratable):
    """Chunks side by side, which `start` together; `busy` as long as one of them is."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.chunks = [ChunkHardware(program) for program in programs]
        self.start, self.busy = Signal(name="start"), Signal(name="busy")

    def elaborate(self, platform: object) -> Circuit:
        m, busy = Module(), 0
        for place, chunk in enumerate(self.chunks):
            m.submodules[f"chunk_{place}"] = chunk
            m.d.comb += chunk.start.eq(self.start)
            busy = busy | chunk.busy
        m.d.comb += self.busy.eq(busy)
        return m


@dataclass(frozen=True, eq=False)
class PipelineRun:
    """The last layer's outputs [M, OY, OX] of each image, and the cycles of each round."""

    outputs: tuple[Tensor, ...]
    cycles: tuple[int, ...]


def run_pipeline(
    layers: Sequence[IntegerLayer], chunks: Sequence[Chunk], assignment: Sequence[int], images: Sequence[Tensor]
) -> PipelineRun:
    """Runs a chain of layers on chunks, image after image; `assignment[l]` is the place of layer l's chunk.

    A layer reads what the one before it gives, taken apart into vectors where it is a linear one. Raises `RequestError` where
    numbers do not agree or a chunk has no layer, `RunError` where a round does not end.
    """
    owned = [[layer for layer, place in enumerate(assignment) if place == chunk] for chunk in range(len(chunks))]
    if len(assignment) != len(layers) or sum(map(len, owned)) != len(layers) or not all(owned):
        raise RequestError(
            f"{len(layers)} layers, {len(chunks)} chunks and the assignment {list(assignment)} do not belong together; give each "
            "layer a chunk that is there, and each chunk a layer"
        )
    programs = [program_of([layers[layer] for layer in own], chunk) for own, chunk in zip(owned, chunks, strict=True)]
    return _Rounds(layers, programs, owned, images).run()


@dataclass
class _Port:
    """What a chunk has still to be sent, and what came back of it."""

    inputs: deque[int] = field(default_factory=deque)
    weights: deque[int] = field(default_factory=deque)
    words: list[int] = field(default_factory=list)


class _Rounds:
    """The chunks, and the DRAM between their layers."""

    def __init__(
        self,
        layers: Sequence[IntegerLayer],
        programs: Sequence[Program],
        owned: list[list[int]],
        images: Sequence[Tensor],
    ) -> None:
        self.layers, self.programs, self.owned, self.images = layers, programs, owned, images
        self.hardware = PipelineHardware(programs)
        self.ports = [_Port() for _ in programs]
        self.maps: dict[tuple[int, int], Tensor] = {}
        self.cycles: list[int] = []

    def run(self) -> PipelineRun:
        simulator = amaranth.sim.Simulator(self.hardware)
        simulator.add_clock(SECOND_PER_CYCLE)
        simulator.add_testbench(self._direct)
        for chunk, port in zip(self.hardware.chunks, self.ports, strict=True):
            simulator.add_testbench(_sender(chunk.inputs, port.inputs), background=True)
            if chunk.weights is not None:
                simulator.add_testbench(_sender(chunk.weights, port.weights), background=True)
            simulator.add_testbench(_receiver(chunk.outputs, port.words), background=True)
        simulator.run()
        last = len(self.layers) - 1
        return PipelineRun(tuple(self.maps[last, image] for image in range(len(self.images))), tuple(self.cycles))

    async def _direct(self, context) -> None:
        """Round after round: in round t layer l works at image t - l."""
        for round_ in range(len(self.images) + len(self.layers) - 1):
            for place, port in enumerate(self.ports):
                self._load(place, port, round_)
            context.set(self.hardware.start, 1)
            await context.tick()
            context.set(self.hardware.start, 0)
            self.cycles.append(await self._ended(context))
            for place, port in enumerate(self.ports):
                self._store(place, port, round_)

    async def _ended(self, context) -> int:
        for cycle in range(LONGEST_ROUND_CYCLES):
            _, _, busy = await context.tick().sample(self.hardware.busy)
            if not busy:
                return cycle
        raise RunError(f"a round did not end in {LONGEST_ROUND_CYCLES:,} cycles")

    def _load(self, place: int, port: _Port, round_: int) -> None:
        """The words of a round; a layer without an image works at zeros."""
        for plan, layer in zip(self.programs[place].plans, self.owned[place], strict=True):
            inputs, weights = streams_of(plan, self.layers[layer], self._inputs(layer, round_ - layer))
            port.inputs.extend(inputs)
            port.weights.extend(weights)

    def _inputs(self, layer: int, image: int) -> Tensor:
        shape = self.layers[layer].shape
        size = (shape.total_in_channels, shape.in_height, shape.in_width)
        if not 0 <= image < len(self.images):
            return torch.zeros(size, dtype=torch.int64)
        return (self.images[image] if layer == 0 else self.maps[layer - 1, image]).reshape(size)

    def _store(self, place: int, port: _Port, round_: int) -> None:
        start = 0
        for plan, layer in zip(self.programs[place].plans, self.owned[place], strict=True):
            end = start + plan.output_words * plan.outer * plan.inner
            self.maps[layer, round_ - layer] = torch.from_numpy(outputs_of(plan, port.words[start:end]))
            start = end
        port.words.clear()


def _sender(stream: Stream, words: deque[int]):
    async def send(context) -> None:
        while True:
            context.set(stream.valid, bool(words))
            if words:
                context.set(stream.payload, words[0])
            _, _, passes = await context.tick().sample(stream.passes)
            if passes:
                words.popleft()

    return send


def _receiver(stream: Stream, words: list[int]):
    async def receive(context) -> None:
        context.set(stream.ready, 1)
        while True:
            _, _, passes, word = await context.tick().sample(stream.passes, stream.payload)
            if passes:
                words.append(word)

    return receive
