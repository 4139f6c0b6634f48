"""What a line of SmartExchange's array is held against: as many 8-bit multipliers that read their weights as they are."""

from netchip.rtl.components.exchange_line import ReadPort
from netchip.rtl.components.line_size import INPUT_BITS, SUM_BITS, LineSize
from netchip.rtl.components.products import PairedProduct, Product
from netchip.rtl.language import Cat, Circuit, Elaboratable, Module, Mux, Signal, Wire, bits_for, signed

WEIGHT_BITS = 8


class PlainLine(Elaboratable):
    """Every row of every filter in every tile, a weight a cycle to all lanes; signed weights and inputs, sums of 32 bits.

    With `paired` two lanes share a product of 25 x 8 bits, as one DSP slice holds it. Ports and order are those of `ExchangeLine`,
    without indexes and bases.
    """

    def __init__(self, size: LineSize, *, paired: bool = True) -> None:
        self.size, self.paired, bits = size, paired, size.address_bits
        self.start, self.valid = Signal(name="start"), Signal(name="valid")
        self.rows_end, self.tiles_end, self.filters_end = (
            Signal(bits, name=f"{name}_end") for name in ("rows", "tiles", "filters")
        )
        self.weights = ReadPort(bits, size.length * WEIGHT_BITS, "weights")
        self.inputs = ReadPort(bits + 4, size.window * INPUT_BITS, "inputs")
        self.sums = [Signal(signed(SUM_BITS), name=f"sum_{lane}", reset_less=True) for lane in range(size.lanes)]

    @property
    def ports(self) -> list[Wire]:
        """Everything that goes in and comes out."""
        ends = [self.rows_end, self.tiles_end, self.filters_end]
        return [self.start, *ends, self.valid, *self.sums, *self.weights.signals, *self.inputs.signals]

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        fetched, first, last, ready = (Signal(name=name) for name in ("fetched", "first", "last", "ready"))
        self._walk(m, fetched, first, last, ready)
        busy, left = Signal(name="busy"), Signal(bits_for(self.size.length - 1), name="left")
        begins, ends = Signal(name="begins"), Signal(name="ends")
        inputs, row = Signal.like(self.inputs.word, name="row_inputs"), Signal.like(self.weights.word, name="row")
        m.d.comb += ready.eq(~busy | (left == 0))
        m.d.sync += [inputs.eq(inputs >> INPUT_BITS), row.eq(row >> WEIGHT_BITS), left.eq(left - 1), begins.eq(0)]
        with m.If(ready):
            m.d.sync += [busy.eq(fetched), begins.eq(first), ends.eq(last), left.eq(self.size.length - 1)]
            m.d.sync += [inputs.eq(self.inputs.word), row.eq(self.weights.word)]
        adds, starts, shows = (Signal(name=name) for name in ("adds", "starts", "shows"))
        m.d.sync += [adds.eq(busy), starts.eq(begins), shows.eq(busy & (left == 0) & ends), self.valid.eq(shows)]
        for total, product in zip(self.sums, self._products(m, inputs, row[:WEIGHT_BITS].as_signed()), strict=True):
            with m.If(adds):
                m.d.sync += total.eq(Mux(starts, 0, total) + product)
        return m

    def _products(self, m: Circuit, inputs: Wire, weight: Wire) -> list[Wire]:
        size, found = self.size, []
        values = [inputs.word_select(lane * size.stride, INPUT_BITS).as_signed() for lane in range(size.lanes)]
        for lane in range(0, size.lanes, 2 if self.paired else 1):
            if self.paired:
                part = PairedProduct()
                m.d.comb += [
                    part.shared.eq(weight),
                    part.low.eq(values[lane]),
                    part.high.eq(Cat(values[lane + 1 : lane + 2])),
                ]
                found += [part.low_result, part.high_result]
            else:
                part = Product(WEIGHT_BITS, INPUT_BITS)
                m.d.comb += [part.first.eq(weight), part.second.eq(values[lane])]
                found.append(part.result)
            m.submodules[f"product_{lane}"] = part
        return found[: size.lanes]

    def _walk(self, m: Circuit, fetched: Wire, first: Wire, last: Wire, ready: Wire) -> None:
        """Rows are asked of the memories one ahead of the multipliers."""
        walking, bits = Signal(name="walking"), self.size.address_bits
        row, tile, filter_, begin = (Signal(bits, name=name) for name in ("row_count", "tile", "filter", "first_row"))
        tile_ends, filter_ends, read = (Signal(name=name) for name in ("tile_ends", "filter_ends", "read"))
        m.d.comb += [
            tile_ends.eq(row == self.rows_end),
            filter_ends.eq(tile_ends & (tile == self.tiles_end)),
            read.eq(walking & (~fetched | ready)),
            Cat(self.weights.enable, self.inputs.enable).eq(read.replicate(2)),
        ]
        weight_address, input_address = Signal.like(self.weights.address), Signal.like(self.inputs.address)
        m.d.comb += [self.weights.address.eq(weight_address), self.inputs.address.eq(input_address)]
        with m.If(self.start):
            m.d.sync += [walking.eq(1), begin.eq(0), row.eq(0), tile.eq(0), filter_.eq(0)]
            m.d.sync += [weight_address.eq(0), input_address.eq(0)]
        with m.Elif(read):
            m.d.sync += [row.eq(Mux(tile_ends, 0, row + 1)), input_address.eq(Mux(filter_ends, 0, input_address + 1))]
            m.d.sync += weight_address.eq(Mux(tile_ends & ~filter_ends, begin, weight_address + 1))
            m.d.sync += [first.eq(row == 0), last.eq(tile_ends)]
            with m.If(tile_ends):
                m.d.sync += tile.eq(Mux(filter_ends, 0, tile + 1))
            with m.If(filter_ends):
                m.d.sync += [
                    begin.eq(weight_address + 1),
                    filter_.eq(filter_ + 1),
                    walking.eq(filter_ != self.filters_end),
                ]
        with m.If(read):
            m.d.sync += fetched.eq(1)
        with m.Elif(ready):
            m.d.sync += fetched.eq(0)
