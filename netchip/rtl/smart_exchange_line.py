"""A line of SmartExchange's array with the memories it reads, simulated: a layer from its packed weight to its sums."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from netchip.errors import RunError
from netchip.rtl.components.exchange_line import ExchangeLine
from netchip.rtl.language import Circuit, Elaboratable, Memory, Module, amaranth, unsigned
from netchip.rtl.smart_exchange_program import Integers, LineProgram

LONGEST_ROW_CYCLES = 40
"""A line that takes more for each row of each tile is given up."""


class LineWithMemories(Elaboratable):
    """The line, and what stands at its ports: memories with their words."""

    def __init__(self, program: LineProgram) -> None:
        self.program, self.line = program, ExchangeLine(program.size)

    def elaborate(self, platform: object) -> Circuit:
        m, line, program = Module(), self.line, self.program
        m.submodules.line = line
        for name in ("row_index", "input_index", "codes", "inputs", "basis"):
            port, words = getattr(line, name), getattr(program, name) or (0,)
            memory = Memory(shape=unsigned(len(port.word)), depth=max(2, len(words)), init=words)
            m.submodules[name] = memory
            read = memory.read_port()
            m.d.comb += [read.en.eq(port.enable), read.addr.eq(port.address), port.word.eq(read.data)]
        ends = {
            "words": program.words, "block": program.block_words, "tiles": program.tiles, "filters": program.filters,
        }  # fmt: skip
        m.d.comb += [getattr(line.selector, f"{name}_end").eq(count - 1) for name, count in ends.items()]
        return m


@dataclass(frozen=True, eq=False)
class LineResult:
    """Sums [filters, output rows, output columns], and the cycles from the start to the last of them.

    `fill_cycles` of those pass until the lanes have their first row and after they have done with the last.
    """

    sums: Integers
    cycles: int
    fill_cycles: int


def run_line(program: LineProgram) -> LineResult:
    """Runs a layer. Raises `RunError` where it does not come to an end."""
    hardware = LineWithMemories(program)
    simulator, found = amaranth.sim.Simulator(hardware), _Watched()
    simulator.add_clock(1e-6)
    simulator.add_testbench(_bench(hardware, found))
    simulator.run()
    return LineResult(_sums(program, found.tiles), found.cycles, found.before + AFTER)


AFTER = 2
"""Cycles from the last digit to the sums: it is added, they are shown."""


class _Watched:
    """What a bench has seen."""

    def __init__(self) -> None:
        self.tiles: list[list[int]] = []
        self.cycles, self.before = 0, 0


def _bench(hardware: LineWithMemories, found: _Watched) -> Any:
    line, program = hardware.line, hardware.program
    wanted = program.filters * program.tiles
    limit = 100 + wanted * LONGEST_ROW_CYCLES * program.words * program.size.rows_in_word

    async def bench(context: Any) -> None:
        context.set(line.start, 1)
        await context.tick()
        context.set(line.start, 0)
        for cycle in range(limit):
            _, _, valid, loads, *sums = await context.tick().sample(line.valid, line.macs.load, *line.sums)
            found.before = found.before or (cycle + 1 if loads else 0)
            if valid:
                found.tiles.append(sums)
                found.cycles = cycle + 1
            if len(found.tiles) == wanted:
                return
        raise RunError(f"the line did not end in {limit:,} cycles; {len(found.tiles)} tiles of {wanted} came back")

    return bench


def _sums(program: LineProgram, tiles: list[list[int]]) -> Integers:
    """Tiles as the map they make."""
    shape, lanes = program.shape, program.size.lanes
    columns = np.array(tiles, np.int64).reshape(program.filters, shape.out_height, program.across * lanes)
    return columns[:, :, : shape.out_width]
