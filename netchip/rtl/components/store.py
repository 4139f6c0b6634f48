"""Walks through a finished half of the sums, and sends the words of it: which address, which part, which channels' parameters."""

from typing import NamedTuple

from netchip.rtl.language import Circuit, Elaboratable, Module, Mux, Signal, Wire, bits_for
from netchip.rtl.plan import EngineSize


class StoreBits(NamedTuple):
    """Bits of the store's registers: addresses of a bank and of the parameters, depth of a plane, passes, blocks."""

    address: int
    parameter: int
    depth: int
    out: int
    inner: int
    blocks: int


class StoreControl(Elaboratable):
    """Sends `blocks` blocks after `start`, each as soon as `landed` says that the half it lies in is whole.

    While `advance`: `address` and `parameter` are read in a cycle, and in the next one `low` and `high` say which slots make
    the word of half `half`, where `valid`. `freed` says in which cycle a half is read to its end. A block is `outer` channels'
    for each of `inner` places; channels of a pass take `parameter_words` words, for each of `others` places side by side.
    """

    def __init__(self, size: EngineSize, bits: StoreBits) -> None:
        self.others, self.parameter_words = size.output_packing.words // size.parameter_words, size.parameter_words
        self.start, self.advance = Signal(name="start"), Signal(name="advance")
        self.blocks, self.first_parameter = (
            Signal(bits.blocks, name="blocks"),
            Signal(bits.parameter, name="first_parameter"),
        )
        self.depth_end, self.out_end = Signal(bits.depth, name="depth_end"), Signal(bits.out, name="out_end")
        self.inner_end = Signal(bits.inner)
        self.landed, self.full, self.freed = Signal(2, name="landed"), Signal(2, name="full"), Signal(2, name="freed")
        self.address, self.parameter = Signal(bits.address, name="address"), Signal(bits.parameter, name="parameter")
        self.valid, self.half, self.left = (
            Signal(name="valid"),
            Signal(reset_less=True, name="half"),
            Signal(bits.blocks, name="left"),
        )
        self.low = Signal(bits_for(self.parameter_words - 1), reset_less=True)
        self.high = Signal(bits_for(self.others - 1), reset_less=True)

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        half, issue, last = Signal(name="half"), Signal(name="issue"), Signal(name="last")
        m.d.comb += issue.eq(self.full.bit_select(half, 1) & self.advance)
        block_ends = self._loops(m, issue)
        with m.If(self.advance):
            m.d.sync += [self.valid.eq(issue), self.half.eq(half), last.eq(block_ends)]
        m.d.comb += self.freed.eq(Mux(self.advance & self.valid & last, 1 << self.half, 0))
        m.d.sync += self.full.eq((self.full & ~self.freed) | self.landed)
        with m.If(block_ends):
            m.d.sync += [half.eq(~half), self.left.eq(self.left - 1)]
        with m.If(self.start):
            m.d.sync += self.left.eq(self.blocks)
        return m

    def _loops(self, m: Circuit, issue: Wire) -> Wire:
        """The counters; says in which cycle the last word of a block is read."""
        low, high, depth, out = (
            Signal.like(self.low, name="low"),
            Signal.like(self.high, name="high"),
            Signal.like(self.depth_end, name="depth"),
            Signal.like(self.out_end, name="out"),
        )
        loops = (
            ("low", low, self.parameter_words - 1),
            ("high", high, self.others - 1),
            ("depth", depth, self.depth_end),
            ("out", out, self.out_end),
        )
        wrap, ends = issue, {}
        for name, counter, end in loops:
            ended, at_end = Signal(name=f"{name}_ends"), counter == end
            m.d.comb += ended.eq(wrap & at_end)
            with m.If(wrap):
                m.d.sync += counter.eq(Mux(at_end, 0, counter + 1))
            wrap, ends[name] = ended, ended
        with m.If(ends["out"]):
            m.d.sync += self.address.eq(0)
        with m.Elif(ends["high"]):
            m.d.sync += self.address.eq(self.address + 1)
        with m.If(self.advance):
            m.d.sync += [self.low.eq(low), self.high.eq(high)]
        self._parameters(m, low, ends)
        return ends["out"]

    def _parameters(self, m: Circuit, low: Wire, ends: dict[str, Wire]) -> None:
        """Parameters of the pass at hand; blocks of the same channels begin at the same place again."""
        place, begin, inner = (Signal.like(like, name=name) for like, name in (
            (self.parameter, "parameter_place"), (self.parameter, "parameter_begin"), (self.inner_end, "inner")
        ))  # fmt: skip
        following = place + self.parameter_words
        inner_ends = inner == self.inner_end
        m.d.comb += self.parameter.eq(place + low)
        with m.If(ends["out"]):
            m.d.sync += [inner.eq(Mux(inner_ends, 0, inner + 1)), place.eq(Mux(inner_ends, following, begin))]
            with m.If(inner_ends):
                m.d.sync += begin.eq(following)
        with m.Elif(ends["depth"]):
            m.d.sync += place.eq(following)
        with m.If(self.start):
            m.d.sync += [place.eq(self.first_parameter), begin.eq(self.first_parameter)]
