"""SmartExchange's index selector: which rows have coefficients and meet inputs, one after another, and where theirs are stored."""

from netchip.rtl.components.line_size import LineSize
from netchip.rtl.language import Cat, Circuit, Elaboratable, Module, Mux, Signal, Wire, bits_for


class Selected:
    """A row that is to be done: the addresses of its coefficients, of its inputs, of its block's basis.

    `fresh`: the first of its block in this tile; `last` of its tile; `empty`: none, of a tile in which nothing is to be done.
    """

    def __init__(self, size: LineSize, name: str) -> None:
        bits = size.address_bits
        self.coefficients, self.block = Signal(bits, name=f"{name}_coefficients"), Signal(bits, name=f"{name}_block")
        self.inputs = Signal(bits + bits_for(size.rows_in_word - 1), name=f"{name}_inputs")
        self.fresh, self.empty, self.last = (Signal(name=f"{name}_{each}") for each in ("fresh", "empty", "last"))

    @property
    def signals(self) -> tuple[Wire, ...]:
        """All of them."""
        return self.coefficients, self.inputs, self.block, self.fresh, self.empty, self.last


class IndexSelector(Elaboratable):
    """Goes through all tiles of each filter, each time through all words of its index, and keeps the bits set in both indexes.

    A bit of `weight_word` is a row with coefficients, stored one after another; one of `input_word` a row of inputs that is not
    all zero. Both come a cycle after `read` with their addresses. A word takes as many cycles as it has rows to do, at least one.
    Words of a filter end with `words_end`, of a block with `block_end`; a block has whole words. A row is shown with `valid` and
    goes when it is taken; it is held back until it is known whether it is the last of its tile.
    """

    def __init__(self, size: LineSize) -> None:
        self.size, bits = size, size.address_bits
        self.start = Signal(name="start")
        self.words_end, self.block_end, self.tiles_end, self.filters_end = (
            Signal(bits, name=f"{name}_end") for name in ("words", "block", "tiles", "filters")
        )
        self.read = Signal(name="read")
        self.weight_address, self.input_address = (
            Signal(bits, name=f"{name}_address", reset_less=True) for name in ("weight", "input")
        )
        self.weight_word, self.input_word = (
            Signal(size.rows_in_word, name=f"{name}_word") for name in ("weight", "input")
        )
        self.row, self.valid, self.take = Selected(size, "row"), Signal(name="valid"), Signal(name="take")

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        held = Signal(name="held")  # a word is in the memories' registers
        word = _Word(self.size)
        free = ~word.valid | word.done
        m.d.comb += self.read.eq(self._walk(m, word) & (~held | free))
        with m.If(free):
            m.d.sync += [word.valid.eq(held), held.eq(0)]
            m.d.sync += [word.weights.eq(self.weight_word), word.pending.eq(self.weight_word & self.input_word)]
            m.d.sync += [each.eq(upcoming) for each, upcoming in zip(word.place, word.upcoming, strict=True)]
        with m.If(self.read):
            m.d.sync += held.eq(1)
        self._emit(m, word)
        return m

    def _walk(self, m: Circuit, word: "_Word") -> Wire:
        """The counters of the words to read; whether there are any left."""
        walking = Signal(name="walking")
        bits = self.size.address_bits
        count, block, tile, filter_, first = (
            Signal(bits, name=name) for name in ("count", "block_count", "tile", "filter", "first_word")
        )
        tile_ends, block_ends, filter_ends = (Signal(name=f"{name}_ends") for name in ("tile", "block", "filter"))
        m.d.comb += [
            tile_ends.eq(count == self.words_end),
            block_ends.eq((block == self.block_end) | tile_ends),
            filter_ends.eq(tile_ends & (tile == self.tiles_end)),
        ]
        with m.If(self.start):
            m.d.sync += [walking.eq(1), self.weight_address.eq(0), self.input_address.eq(0), first.eq(0)]
            m.d.sync += [counter.eq(0) for counter in (count, block, tile, filter_)]
        with m.Elif(self.read):
            beyond = self.weight_address + 1
            m.d.sync += [count.eq(Mux(tile_ends, 0, count + 1)), block.eq(Mux(block_ends, 0, block + 1))]
            m.d.sync += self.input_address.eq(Mux(filter_ends, 0, self.input_address + 1))
            m.d.sync += self.weight_address.eq(Mux(tile_ends & ~filter_ends, first, beyond))
            m.d.sync += [
                each.eq(now)
                for each, now in zip(
                    word.upcoming, (tile_ends, block_ends, filter_ends, self.input_address), strict=True
                )
            ]
            with m.If(tile_ends):
                m.d.sync += tile.eq(Mux(filter_ends, 0, tile + 1))
            with m.If(filter_ends):
                m.d.sync += [first.eq(beyond), filter_.eq(filter_ + 1), walking.eq(filter_ != self.filters_end)]
        return walking

    def _emit(self, m: Circuit, word: "_Word") -> None:
        """The next row of the word, or that a tile has none; the row shown is the last one if no other comes in its tile."""
        shown = Signal(name="shown")
        tile_ends, _, _, address = word.place
        wants, final = word.pending.any(), ~(word.pending & (word.pending - 1)).any()
        open_, free = Signal(name="open"), Signal(name="free")
        m.d.comb += [
            open_.eq(shown & ~self.row.last),
            self.valid.eq(shown & (self.row.last | (word.valid & wants))),
            free.eq(~shown | self.take),
        ]
        rows, nothing = word.valid & wants & free, word.valid & ~wants & tile_ends & ~open_ & free
        closes = word.valid & ~wants & tile_ends & open_
        m.d.comb += word.done.eq(word.valid & Mux(wants, rows & final, ~tile_ends | nothing | closes))
        with m.If(self.take):
            m.d.sync += shown.eq(0)
        with m.If(closes):
            m.d.sync += self.row.last.eq(1)
        base, block, fresh = self._bases(m, word, rows)
        with m.If(rows | nothing):
            m.d.sync += [shown.eq(1), self.row.empty.eq(nothing), self.row.last.eq(nothing | (final & tile_ends))]
            m.d.sync += [self.row.coefficients.eq(base + word.below(m)), self.row.block.eq(block)]
            m.d.sync += [self.row.fresh.eq(fresh & rows), self.row.inputs.eq(Cat(word.bit(m), address))]
        with m.If(rows & ~final):
            m.d.sync += word.pending.eq(word.pending & (word.pending - 1))

    def _bases(self, m: Circuit, word: "_Word", rows: Wire) -> tuple[Wire, Wire, Wire]:
        """How many rows and blocks with coefficients lie before those of the word; whether its block has shown a row."""
        bits = self.size.address_bits
        base, first, block, first_block = (
            Signal(bits, name=name) for name in ("base", "filter_base", "block_base", "filter_block")
        )
        fresh, seen = Signal(init=1, name="block_is_fresh"), Signal(name="block_has_rows")
        tile_ends, block_ends, filter_ends, _ = word.place
        after = base + sum(word.weights[each] for each in range(self.size.rows_in_word))
        block_after = block + (block_ends & (seen | word.weights.any()))
        with m.If(rows):
            m.d.sync += fresh.eq(0)
        with m.If(word.done):
            m.d.sync += [
                base.eq(Mux(tile_ends & ~filter_ends, first, after)),
                seen.eq(~block_ends & (seen | word.weights.any())),
            ]
            m.d.sync += block.eq(Mux(tile_ends & ~filter_ends, first_block, block_after))
            with m.If(block_ends):
                m.d.sync += fresh.eq(1)
            with m.If(filter_ends):
                m.d.sync += [first.eq(after), first_block.eq(block_after)]
        with m.If(self.start):
            m.d.sync += [each.eq(0) for each in (base, first, block, first_block, seen)] + [fresh.eq(1)]
        return base, block, fresh


class _Word:
    """The word at hand: its rows with coefficients, those still to do, and where it lies."""

    def __init__(self, size: LineSize) -> None:
        self.valid, self.done = Signal(name="word_valid"), Signal(name="word_done")
        self.weights, self.pending = (
            Signal(size.rows_in_word, name=name, reset_less=True) for name in ("rows", "pending")
        )
        self.place, self.upcoming = (
            (
                *(Signal(name=f"{name}{end}", reset_less=True) for end in ends),
                Signal(size.address_bits, name=f"{name}address", reset_less=True),
            )
            for name, ends in (("word_", _ENDS), ("next_", _ENDS))
        )

    def below(self, m: Circuit) -> Wire:
        """Rows with coefficients before the next one to do."""
        lower = (self.pending ^ (self.pending - 1)) >> 1  # ones below the lowest bit that is set
        before = Signal.like(self.weights, name="rows_before")
        m.d.comb += before.eq(self.weights & lower)
        return sum((before[each] for each in range(1, len(before))), start=before[0])

    def bit(self, m: Circuit) -> Wire:
        """The place of the next row to do in the word."""
        place = Signal(bits_for(len(self.pending) - 1), name="bit")
        for each in reversed(range(len(self.pending))):
            with m.If(self.pending[each]):
                m.d.comb += place.eq(each)
        return place


_ENDS = ("tile_ends", "block_ends", "filter_ends")
