"""A chunk at work on the first tiles of a layer, cycle by cycle, from Amaranth's simulator."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from netchip.hardware.fpga.chunk import Chunk
from netchip.rtl.language import amaranth
from netchip.rtl.simulation import Bench, program_of, streams_of
from netchip.rtl.steps import ChipStep

LONGEST_CYCLES = 4000
"""A picture of more cycles shows nothing."""

_AFTER = 4
"""Cycles after a tile's last word."""


@dataclass(frozen=True)
class Waveform:
    """What a chunk did in each cycle of the first output tile of a layer: one string of 0 and 1 a signal, in their order."""

    layer: str
    signals: Mapping[str, str]


def watch_tile(step: ChipStep, chunk: Chunk, inputs: Tensor) -> Waveform:
    """The signals of a chunk that runs this layer alone, until the first tile's last word has passed, 4,000 cycles at most."""
    program = program_of([step.layer], chunk)
    bench, plan = Bench(program, ()), program.plans[0]
    first, second = streams_of(plan, step.layer, inputs)
    simulator = amaranth.sim.Simulator(bench.hardware)
    simulator.add_clock(1e-6)
    samples: list[tuple[int, ...]] = []
    simulator.add_testbench(_watch(bench, plan.output_words, samples))
    simulator.add_testbench(bench.feed(bench.hardware.inputs, first), background=True)
    if bench.hardware.weights is not None:
        simulator.add_testbench(bench.feed(bench.hardware.weights, second), background=True)
    simulator.run()
    rows = zip(*samples, strict=True)
    return Waveform(
        step.name, {name: "".join(map(str, row)) for name, row in zip(bench.hardware.watched, rows, strict=True)}
    )


def _watch(bench: Bench, words: int, samples: list[tuple[int, ...]]):
    async def watch(context) -> None:
        hardware, left = bench.hardware, words
        wires, end = list(hardware.watched.values()), LONGEST_CYCLES
        context.set(hardware.start, 1)
        await context.tick()
        context.set(hardware.start, 0)
        context.set(hardware.outputs.ready, 1)
        while len(samples) < end:
            _, _, *values = await context.tick().sample(*wires)
            samples.append(tuple(int(value) for value in values))
            left -= values[-1]
            if left == 0:
                left, end = -1, min(end, len(samples) + _AFTER)

    return watch
