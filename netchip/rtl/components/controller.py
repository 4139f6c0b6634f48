"""The loops of a chunk: which element of each buffer the multipliers take in each cycle, tile after tile, once both are loaded."""

from collections.abc import Sequence
from typing import NamedTuple

from netchip.rtl.language import Circuit, Elaboratable, Module, Mux, Signal, Wire

LOOPS = ("kernel_column", "kernel_row", "input", "column", "row", "out")
"""The loops of a step, innermost first."""


class LoopBits(NamedTuple):
    """Bits of the controller's registers: one counter a loop, addresses, the counter of steps."""

    loops: Sequence[int]
    input_address: int
    weight_address: int
    output_address: int
    steps: int


class Controller(Elaboratable):
    """Counts through steps of loops, and blocks of steps, and gives addresses, a cycle after the counters stand.

    `end[loop]` is the last value of a loop's counter and `stride[loop]` what it adds to the input's address. A step begins when
    `inputs_full` and `weights_full` hold its half, and a block when its half of the outputs is not `taken`; a step of a
    `single` cycle is followed by an idle one, so that no sum is read before it is written. `release` frees the half
    `release_half` of both buffers, `freed` [2] comes from the store. With `valid`: `first` and `last` of the cycles that make a
    sum, `keep` where it is added to the one before it, `block_ends`.
    """

    def __init__(self, bits: LoopBits, positions: int) -> None:
        self.bits, self.positions = bits, positions
        self.single = Signal()
        self.end = {loop: Signal(count, name=f"{loop}_end") for loop, count in zip(LOOPS, bits.loops, strict=True)}
        self.stride = {loop: Signal(bits.input_address, name=f"{loop}_stride") for loop in LOOPS}
        self.steps_end = Signal(bits.steps)
        self.inputs_full, self.weights_full, self.freed, self.taken = (
            Signal(2, name="inputs_full"),
            Signal(2, name="weights_full"),
            Signal(2, name="freed"),
            Signal(2, name="taken"),
        )
        self.release, self.release_half = Signal(name="release"), Signal(name="release_half")
        self.valid, self.first, self.last, self.keep, self.block_ends = (
            Signal(name=name) for name in ("valid", "first", "last", "keep", "block_ends")
        )
        self.input_half, self.output_half = (
            Signal(reset_less=True, name="input_half"),
            Signal(reset_less=True, name="output_half"),
        )
        self.input_address = Signal(bits.input_address, reset_less=True)
        self.weight_address = Signal(bits.weight_address, reset_less=True)
        self.output_address = Signal(bits.output_address, reset_less=True)

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        half, out_half, first_step, issue = (
            Signal(name="half"),
            Signal(name="out_half"),
            Signal(init=1, name="first_step"),
            Signal(name="issue"),
        )
        ends = self._loops(m, issue)
        last_step = self._blocks(m, ends["out"], half, out_half, first_step)
        self._begin(m, ends["out"], half, out_half, first_step, issue)
        m.d.comb += [self.release.eq(ends["out"]), self.release_half.eq(half)]
        m.d.sync += [
            self.valid.eq(issue),
            self.last.eq(ends["input"]),
            self.keep.eq(~first_step),
            self.block_ends.eq(ends["out"] & last_step),
            self.input_half.eq(half),
            self.output_half.eq(out_half),
        ]
        return m

    def _loops(self, m: Circuit, issue: Wire) -> dict[str, Wire]:
        """The counters, and the input's address as the sum of what each has added; which loops end in this cycle."""
        wrap, at_start, address, ends = issue, 1, 0, {}
        for place, loop in enumerate(LOOPS):
            counter, offset = (
                Signal.like(self.end[loop], name=loop),
                Signal(self.bits.input_address, name=f"{loop}_offset"),
            )
            ended, at_end = Signal(name=f"{loop}_ends"), counter == self.end[loop]
            m.d.comb += ended.eq(wrap & at_end)
            with m.If(wrap):
                m.d.sync += counter.eq(Mux(at_end, 0, counter + 1))
                m.d.sync += offset.eq(Mux(at_end, 0, offset + self.stride[loop]))
            wrap, address, ends[loop] = ended, address + offset, ended
            if place < LOOPS.index("column"):
                at_start = at_start & (counter == 0)
        m.d.sync += [self.first.eq(at_start), self.input_address.eq(address)]
        self._weights(m, issue, ends)
        self._outputs(m, ends)
        return ends

    def _weights(self, m: Circuit, issue: Wire, ends: dict[str, Wire]) -> None:
        """Weights lie in the order of their loops; those of an output channel are read anew for each position."""
        place, begin = (
            Signal(self.bits.weight_address, name="weight_place"),
            Signal(self.bits.weight_address, name="weight_begin"),
        )
        m.d.sync += self.weight_address.eq(place)
        with m.If(ends["out"]):
            m.d.sync += [place.eq(0), begin.eq(0)]
        with m.Elif(ends["row"]):
            m.d.sync += [place.eq(place + 1), begin.eq(place + 1)]
        with m.Elif(ends["input"]):
            m.d.sync += place.eq(begin)
        with m.Elif(issue):
            m.d.sync += place.eq(place + 1)

    def _outputs(self, m: Circuit, ends: dict[str, Wire]) -> None:
        """Sums lie in the order in which they come; each output channel begins with a whole address of the store."""
        place = Signal(self.bits.output_address, name="output_place")
        m.d.sync += self.output_address.eq(place)
        with m.If(ends["out"]):
            m.d.sync += place.eq(0)
        with m.Elif(ends["row"]):
            m.d.sync += place.eq((place | (self.positions - 1)) + 1)
        with m.Elif(ends["input"]):
            m.d.sync += place.eq(place + 1)

    def _blocks(self, m: Circuit, step_ends: Wire, half: Wire, out_half: Wire, first_step: Wire):
        """Counts steps, and changes halves; blocks are counted by whoever loads and stores them."""
        step = Signal.like(self.steps_end)
        last_step = step == self.steps_end
        with m.If(step_ends):
            m.d.sync += [half.eq(~half), first_step.eq(last_step), step.eq(Mux(last_step, 0, step + 1))]
            with m.If(last_step):
                m.d.sync += out_half.eq(~out_half)
        return last_step

    def _begin(self, m: Circuit, step_ends: Wire, half: Wire, out_half: Wire, first_step: Wire, issue: Wire) -> None:
        """When a step may begin."""
        within, pause, begins = Signal(name="within"), Signal(name="pause"), Signal(name="begins")
        loaded = self.inputs_full.bit_select(half, 1) & self.weights_full.bit_select(half, 1)
        free = ~first_step | ~self.taken.bit_select(out_half, 1)
        m.d.comb += [begins.eq(~within & ~pause & loaded & free), issue.eq(within | begins)]
        with m.If(step_ends):
            m.d.sync += within.eq(0)
        with m.Elif(begins):
            m.d.sync += within.eq(1)
        m.d.sync += [pause.eq(step_ends & self.single), self.taken.eq(self.taken & ~self.freed)]
        with m.If(begins & first_step):
            m.d.sync += self.taken.bit_select(out_half, 1).eq(1)
