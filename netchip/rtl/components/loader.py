"""Takes words from a port and says where in the banks of a ping-pong buffer they go, tile by tile."""

from typing import NamedTuple

from netchip.rtl.components.stream import Stream
from netchip.rtl.language import Circuit, Elaboratable, Module, Mux, Signal, Wire, bits_for


class TileBounds(NamedTuple):
    """Bits of the counters of a tile: words of a line, lines of a plane, planes; addresses of a bank; tiles of a frame."""

    words: int
    lines: int
    planes: int
    address: int
    tiles: int


class Loader(Elaboratable):
    """Fills one half after the other with tiles of planes of lines of words, each word `groups` times; never one that is `full`.

    Bank [i][j] takes the words from `first_word[j]` to `last_word[j]` of the lines from `first_line[i]` to `last_line[i]`, and
    holds them in the order in which they come. `word`, `group`, `half`, `enable[i][j]` and `address[i][j]` come a cycle after
    the word. `start` begins a layer of `tiles` tiles; `release` in a cycle frees the half `release_half`.
    """

    def __init__(self, port_bits: int, groups: int, rows: int, columns: int, bits: TileBounds) -> None:
        self.groups, self.rows, self.columns = groups, rows, columns
        self.stream = Stream(port_bits, "load")
        self.start, self.tiles = Signal(name="start"), Signal(bits.tiles, name="tiles")
        self.words_end, self.lines_end, self.planes_end = (
            Signal(bits.words, name="words_end"),
            Signal(bits.lines, name="lines_end"),
            Signal(bits.planes, name="planes_end"),
        )
        self.first_line = [Signal(bits.lines, name=f"first_line_{i}") for i in range(rows)]
        self.last_line = [Signal(bits.lines, name=f"last_line_{i}") for i in range(rows)]
        self.first_word = [Signal(bits.words, name=f"first_word_{j}") for j in range(columns)]
        self.last_word = [Signal(bits.words, name=f"last_word_{j}") for j in range(columns)]
        self.release, self.release_half = Signal(name="release"), Signal(name="release_half")
        self.full, self.tile_ends = Signal(2, name="full"), Signal(name="tile_ends")
        self.word = Signal(port_bits, reset_less=True)
        self.half = Signal(reset_less=True)
        self.group = Signal(bits_for(groups - 1), reset_less=True)
        self.enable = [[Signal(name=f"enable_{i}_{j}") for j in range(columns)] for i in range(rows)]
        self.address = [
            [Signal(max(1, bits.address), name=f"address_{i}_{j}", reset_less=True) for j in range(columns)]
            for i in range(rows)
        ]

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        filling, left = Signal(name="filling"), Signal.like(self.tiles, name="left")
        group, word, line, plane = (
            Signal.like(end, name=name)
            for name, end in (
                ("next_group", self.group), ("next_word", self.words_end), ("line", self.lines_end), ("plane", self.planes_end)
            )
        )  # fmt: skip
        taken = self.stream.passes
        m.d.comb += self.stream.ready.eq((left != 0) & ~self.full.bit_select(filling, 1))
        wrap = taken
        group_ends = Signal()
        for counter, end in (
            (group, self.groups - 1),
            (word, self.words_end),
            (line, self.lines_end),
            (plane, self.planes_end),
        ):
            at_end = counter == end
            with m.If(wrap):
                m.d.sync += counter.eq(_next(counter, at_end))
            wrap = wrap & at_end
            if counter is group:
                m.d.comb += group_ends.eq(wrap)
        m.d.comb += self.tile_ends.eq(wrap)
        m.d.sync += [self.word.eq(self.stream.payload), self.half.eq(filling), self.group.eq(group)]
        self._banks(m, word, line, group_ends)
        self._halves(m, filling, left)
        return m

    def _banks(self, m: Circuit, word: Wire, line: Wire, group_ends: Wire) -> None:
        """Which banks the word goes to, and the next address of each."""
        in_lines = [
            (line >= first) & (line <= last) for first, last in zip(self.first_line, self.last_line, strict=True)
        ]
        in_words = [
            (word >= first) & (word <= last) for first, last in zip(self.first_word, self.last_word, strict=True)
        ]
        for i in range(self.rows):
            for j in range(self.columns):
                here = Signal(name=f"here_{i}_{j}")
                upcoming = Signal.like(self.address[i][j], name=f"next_{i}_{j}")
                m.d.comb += here.eq(in_lines[i] & in_words[j])
                m.d.sync += [self.enable[i][j].eq(self.stream.passes & here), self.address[i][j].eq(upcoming)]
                with m.If(self.tile_ends):
                    m.d.sync += upcoming.eq(0)
                with m.Elif(group_ends & here):
                    m.d.sync += upcoming.eq(upcoming + 1)

    def _halves(self, m: Circuit, filling: Wire, left: Wire) -> None:
        """Which halves are full, which one is filled, and how many tiles are to come."""
        with m.If(self.release):
            m.d.sync += self.full.bit_select(self.release_half, 1).eq(0)
        with m.If(self.tile_ends):
            m.d.sync += [self.full.bit_select(filling, 1).eq(1), filling.eq(~filling), left.eq(left - 1)]
        with m.If(self.start):
            m.d.sync += left.eq(self.tiles)


def _next(counter: Wire, at_end):
    return Mux(at_end, 0, counter + 1)
