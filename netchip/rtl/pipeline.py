"""Several chunks at work at once in Amaranth's own simulator: slow, and needs nothing else."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from netchip.errors import RunError
from netchip.rtl.chunk import ChunkHardware
from netchip.rtl.components.stream import Stream
from netchip.rtl.language import Circuit, Elaboratable, Module, Signal, amaranth
from netchip.rtl.program import Program
from netchip.rtl.rounds import NetworkRun, RoundResult, Rounds
from netchip.rtl.simulation import streams_of
from netchip.rtl.steps import ChipStep

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


def run_pipeline(owned: Sequence[Sequence[ChipStep]], programs: Sequence[Program], rounds: Rounds) -> NetworkRun:
    """Carries out `rounds` on chunks that own steps; raises `RunError` where a round does not end."""
    return _Pipeline(owned, programs, rounds).run()


@dataclass
class _Port:
    """What a chunk has still to be sent, what came back of it, and how long its layers took."""

    cycles: list[int]
    inputs: deque[int] = field(default_factory=deque)
    weights: deque[int] = field(default_factory=deque)
    words: list[int] = field(default_factory=list)


class _Pipeline:
    def __init__(self, owned: Sequence[Sequence[ChipStep]], programs: Sequence[Program], rounds: Rounds) -> None:
        self.owned, self.programs, self.rounds = owned, programs, rounds
        self.hardware = PipelineHardware(programs)
        self.ports = [_Port([0] * len(program.plans)) for program in programs]
        self.result: NetworkRun | None = None

    def run(self) -> NetworkRun:
        simulator = amaranth.sim.Simulator(self.hardware)
        simulator.add_clock(SECOND_PER_CYCLE)
        simulator.add_testbench(self._direct)
        for chunk, port in zip(self.hardware.chunks, self.ports, strict=True):
            simulator.add_testbench(_sender(chunk.inputs, port.inputs), background=True)
            if chunk.weights is not None:
                simulator.add_testbench(_sender(chunk.weights, port.weights), background=True)
            simulator.add_testbench(_receiver(chunk, port), background=True)
        simulator.run()
        if self.result is None:
            raise RunError("the simulation ended before its last round")
        return self.result

    async def _direct(self, context) -> None:
        given = next(self.rounds)
        while True:
            for port, own, program, inputs in zip(self.ports, self.owned, self.programs, given, strict=True):
                _load(port, own, program, inputs)
            context.set(self.hardware.start, 1)
            await context.tick()
            context.set(self.hardware.start, 0)
            await self._ended(context)
            try:
                given = self.rounds.send([RoundResult(list(port.words), tuple(port.cycles)) for port in self.ports])
            except StopIteration as end:
                self.result = end.value
                return

    async def _ended(self, context) -> None:
        for _ in range(LONGEST_ROUND_CYCLES):
            _, _, busy = await context.tick().sample(self.hardware.busy)
            if not busy:
                return
        raise RunError(f"a round did not end in {LONGEST_ROUND_CYCLES:,} cycles")


def _load(port: _Port, own: Sequence[ChipStep], program: Program, inputs: Sequence[Tensor]) -> None:
    """The words of a round."""
    port.words.clear()
    port.cycles[:] = [0] * len(own)
    for plan, step, numbers in zip(program.plans, own, inputs, strict=True):
        first, second = streams_of(plan, step.layer, numbers)
        port.inputs.extend(first)
        port.weights.extend(second)


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


def _receiver(chunk: ChunkHardware, port: _Port):
    async def receive(context) -> None:
        stream = chunk.outputs
        context.set(stream.ready, 1)
        while True:
            _, _, passes, word, busy, layer = await context.tick().sample(
                stream.passes, stream.payload, chunk.busy, chunk.layer
            )
            port.cycles[layer] += busy
            if passes:
                port.words.append(word)

    return receive
