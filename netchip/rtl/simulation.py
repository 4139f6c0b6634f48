"""A chunk in Amaranth's own simulator: what goes in word by word, what comes back, in how many cycles."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import torch
from torch import Tensor

from netchip.errors import RequestError, RunError
from netchip.hardware.fpga.chunk import Chunk
from netchip.rtl.chunk import ChunkHardware
from netchip.rtl.components.stream import Stream
from netchip.rtl.language import amaranth
from netchip.rtl.order import input_words, outputs_of, weight_words
from netchip.rtl.plan import LayerPlan, plans_of
from netchip.rtl.program import Program, Scaling
from netchip.rtl.reference import IntegerLayer

PATIENCE = 8
"""A chunk that takes so many times its words and multiplications is given up."""

SECOND_PER_CYCLE = 1e-6


@dataclass(frozen=True, eq=False)
class Simulated:
    """Outputs of each layer [M, OY, OX], and its cycles from its beginning to its last word."""

    outputs: tuple[Tensor, ...]
    cycles: tuple[int, ...]


def scaling_of(layer: IntegerLayer) -> Scaling:
    """The whole numbers by which sums of a layer are scaled."""
    columns = (layer.folded_bias, layer.multipliers, layer.shifts)
    bias, multipliers, shifts = (tuple(column.tolist()) for column in columns)
    return Scaling(bias, multipliers, shifts, layer.output_zero_point, layer.lowest)


def program_of(layers: Sequence[IntegerLayer], chunk: Chunk) -> Program:
    """The layers on a chunk; raises `RequestError` where one cannot run there."""
    for place, layer in enumerate(layers):
        for name in ("weight_bits", "input_bits", "output_bits"):
            if getattr(layer, name) != getattr(chunk, name):
                raise RequestError(
                    f"layer {place} has {name} = {getattr(layer, name)}, but the chunk is built for {getattr(chunk, name)}; "
                    "give both the same"
                )
    return Program(plans_of([layer.shape for layer in layers], chunk), tuple(map(scaling_of, layers)))


def streams_of(plan: LayerPlan, layer: IntegerLayer, inputs: Tensor) -> tuple[list[int], list[int]]:
    """The words of a frame for a chunk's ports `inputs` and `weights`; with a shared port all are in the first."""
    tiles = input_words(plan, inputs.numpy(), layer.input_zero_point), weight_words(plan, layer.weights.numpy())
    if plan.size.chunk.shared_port:
        turns = (word for pair in zip(*tiles, strict=True) for tile in pair for word in tile)
        return list(turns), []
    first, second = ([word for tile in each for word in tile] for each in tiles)
    return first, second


def simulate(
    layers: Sequence[IntegerLayer], chunk: Chunk, inputs: Sequence[Tensor], *, pauses: Iterable[int] = ()
) -> Simulated:
    """Runs layers on a chunk, each on its raw inputs [C, H, W], as one frame.

    `pauses`: cycles before each word in which its port stands still, in turns over and over (none: never).
    Raises `RunError` where the chunk does not end.
    """
    bench = Bench(program_of(layers, chunk), tuple(pauses))
    streams = [streams_of(*each) for each in zip(bench.program.plans, layers, inputs, strict=True)]
    words = bench.run([word for each, _ in streams for word in each], [word for _, each in streams for word in each])
    outputs, start = [], 0
    for plan in bench.program.plans:
        count = plan.words_back
        outputs.append(torch.from_numpy(outputs_of(plan, words[start : start + count])))
        start += count
    return Simulated(tuple(outputs), tuple(bench.cycles))


class Bench:
    """The chunk and what stands at its ports."""

    def __init__(self, program: Program, pauses: tuple[int, ...]) -> None:
        self.program, self.pauses = program, pauses
        self.hardware = ChunkHardware(program)
        self.cycles = [0] * len(program.plans)
        self.words: list[int] = []

    def run(self, inputs: list[int], weights: list[int]) -> list[int]:
        """The words that come back."""
        simulator = amaranth.sim.Simulator(self.hardware)
        simulator.add_clock(SECOND_PER_CYCLE)
        simulator.add_testbench(self._watch)
        simulator.add_testbench(self.feed(self.hardware.inputs, inputs), background=True)
        if self.hardware.weights is not None:
            simulator.add_testbench(self.feed(self.hardware.weights, weights), background=True)
        simulator.run()
        return self.words

    def _limit(self) -> int:
        plans = self.program.plans
        work = sum(plan.words + plan.outer * plan.inner * plan.steps * (plan.passes + 10) for plan in plans)
        return PATIENCE * (1 + sum(self.pauses)) * (work + 100 * len(plans))

    def _pauses(self) -> Iterator[int]:
        while self.pauses:
            yield from self.pauses
        yield from repeat(0)

    def feed(self, stream: Stream, words: list[int]):
        """A port that sends words, with the pauses."""

        async def feed(context) -> None:
            for word, pause in zip(words, self._pauses(), strict=False):
                if pause:
                    context.set(stream.valid, 0)
                    await context.tick().repeat(pause)
                context.set(stream.payload, word)
                context.set(stream.valid, 1)
                await context.tick().until(stream.ready)
            context.set(stream.valid, 0)

        return feed

    async def _watch(self, context) -> None:
        hardware, stream, pauses = self.hardware, self.hardware.outputs, self._pauses()
        context.set(hardware.start, 1)
        await context.tick()
        context.set(hardware.start, 0)
        pause = next(pauses)
        for _ in range(self._limit()):
            context.set(stream.ready, pause == 0)
            _, _, busy, layer, passes, word = await context.tick().sample(
                hardware.busy, hardware.layer, stream.passes, stream.payload
            )
            self.cycles[layer] += busy
            if passes:
                self.words.append(word)
            pause = next(pauses) if pause == 0 else pause - 1
            if not busy:
                return
        raise RunError(f"the chunk did not end in {self._limit():,} cycles; {len(self.words)} words came back")
