"""One line of SmartExchange's array: index selector, two rebuild engines that take turns, and serial multipliers."""

from netchip.rtl.components.index_selector import IndexSelector
from netchip.rtl.components.line_size import BASIS_BITS, CODE_BITS, LineSize
from netchip.rtl.components.rebuild_engine import RebuildEngine
from netchip.rtl.components.serial_macs import SerialMacs
from netchip.rtl.language import Array, Cat, Circuit, Const, Elaboratable, Module, Mux, Signal, Wire, bits_for

ENGINES = 2


class ReadPort:
    """What a memory is asked: with `enable` the word at `address`, which comes a cycle later and stays until the next."""

    def __init__(self, address_bits: int, bits: int, name: str) -> None:
        self.enable, self.address = Signal(name=f"{name}_enable"), Signal(address_bits, name=f"{name}_address")
        self.word = Signal(bits, name=f"{name}_word")

    @property
    def signals(self) -> tuple[Wire, Wire, Wire]:
        """All three."""
        return self.enable, self.address, self.word


class ExchangeLine(Elaboratable):
    """From stored coefficients to sums: outputs of one row, of so many columns, of one filter after another.

    Rows go through three stages: the memories are read; a rebuild engine makes the weights, a coefficient a cycle; the lanes
    multiply. While one engine rebuilds rows of its basis, the other is loaded with the next, a row of it a cycle. `sums` are those
    of a tile in a cycle with `valid`; tiles come in the order of the selector, of which the ends are. Nothing holds it back.
    """

    def __init__(self, size: LineSize) -> None:
        self.size, bits = size, size.address_bits
        self.selector, self.macs = IndexSelector(size), SerialMacs(size)
        self.engines = [RebuildEngine(size) for _ in range(ENGINES)]
        self.start, self.valid, self.sums = self.selector.start, self.macs.valid, self.macs.sums
        self.row_index, self.input_index = (
            ReadPort(bits, size.rows_in_word, name) for name in ("row_index", "input_index")
        )
        self.codes = ReadPort(bits, size.length * CODE_BITS, "codes")
        self.inputs = ReadPort(len(self.selector.row.inputs), size.window_bits, "inputs")
        self.basis = ReadPort(bits + bits_for(size.length - 1), size.length * BASIS_BITS, "basis")

    @property
    def ports(self) -> list[Wire]:
        """Everything that goes in and comes out."""
        memories = (self.row_index, self.input_index, self.codes, self.inputs, self.basis)
        ends = [getattr(self.selector, f"{name}_end") for name in ("words", "block", "tiles", "filters")]
        return [self.start, *ends, self.valid, *self.sums, *(each for memory in memories for each in memory.signals)]

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        m.submodules.selector, m.submodules.macs = self.selector, self.macs
        for place, engine in enumerate(self.engines):
            m.submodules[f"engine_{place}"] = engine
        selector = self.selector
        m.d.comb += [
            Cat(self.row_index.enable, self.input_index.enable).eq(selector.read.replicate(2)),
            self.row_index.address.eq(selector.weight_address),
            self.input_index.address.eq(selector.input_address),
            selector.weight_word.eq(self.row_index.word),
            selector.input_word.eq(self.input_index.word),
        ]
        fetched, accepts = Signal(name="fetched"), Signal(name="rebuilder_accepts")
        flags = Signal(3, name="fetched_flags")  # last, empty, engine
        self._fetch(m, fetched, accepts, flags)
        self._rebuild(m, fetched, accepts, flags)
        return m

    def _fetch(self, m: Circuit, fetched: Wire, accepts: Wire, flags: Wire) -> None:
        """A row is asked of the memories, with its basis where it is the first of a block, once the last basis is in."""
        row, loading = self.selector.row, Signal(name="loading")
        take, engine = self.selector.take, Signal(name="current_engine")
        next_engine = Signal(name="next_engine")
        m.d.comb += [
            take.eq(self.selector.valid & (~fetched | accepts) & ~(row.fresh & loading)),
            next_engine.eq(engine ^ row.fresh),
            Cat(self.codes.enable, self.inputs.enable).eq(take.replicate(2)),
            self.codes.address.eq(row.coefficients),
            self.inputs.address.eq(row.inputs),
        ]
        with m.If(take):
            m.d.sync += [fetched.eq(1), flags.eq(Cat(row.last, row.empty, next_engine)), engine.eq(next_engine)]
        with m.Elif(accepts):
            m.d.sync += fetched.eq(0)
        self._load(m, take & row.fresh, loading, next_engine)

    def _load(self, m: Circuit, begins: Wire, loading: Wire, engine: Wire) -> None:
        """The basis of a block, a row of it a cycle, into the engine that is not at work."""
        length, place = self.size.length, Signal(bits_for(self.size.length - 1), name="load_place")
        block = Signal.like(self.selector.row.block, name="load_block")
        m.d.comb += [
            self.basis.enable.eq(begins | loading),
            self.basis.address.eq(Mux(loading, Cat(place, block), Cat(Const(0, len(place)), self.selector.row.block))),
        ]
        with m.If(begins):
            m.d.sync += [loading.eq(1), place.eq(1), block.eq(self.selector.row.block)]
        with m.Elif(loading):
            m.d.sync += [place.eq(Mux(place == length - 1, 0, place + 1)), loading.eq(place != length - 1)]
        arrives, row, target = Signal(name="arrives"), Signal.like(place, name="load_row"), Signal(name="load_engine")
        m.d.sync += [arrives.eq(self.basis.enable), row.eq(Mux(loading, place, 0))]
        with m.If(begins):
            m.d.sync += target.eq(engine)
        for number, each in enumerate(self.engines):
            m.d.comb += [
                each.load.eq(arrives & (target == number)),
                each.load_row.eq(row),
                each.load_values.eq(self.basis.word),
            ]

    def _rebuild(self, m: Circuit, fetched: Wire, accepts: Wire, flags: Wire) -> None:
        """The row's weights, a coefficient a cycle; with the last one they go to the multipliers as soon as these take them."""
        size, macs = self.size, self.macs
        busy, place = Signal(name="rebuilding"), Signal(bits_for(size.length - 1), name="place")
        codes, window = Signal(size.length * CODE_BITS, name="row_codes"), Signal(size.window_bits, name="row_window")
        last, empty, engine = (Signal(name=f"row_{name}") for name in ("last", "empty", "engine"))
        final, first_of_tile = Signal(name="final"), Signal(init=1, name="first_of_tile")
        m.d.comb += [
            final.eq((place == size.length - 1) | empty),
            macs.load.eq(busy & final),
            accepts.eq(fetched & (~busy | (final & macs.ready))),
        ]
        with m.If(busy & ~final):
            m.d.sync += place.eq(place + 1)
        with m.If(busy & final & macs.ready):
            m.d.sync += [busy.eq(0), first_of_tile.eq(last)]
        with m.If(accepts):
            m.d.sync += [busy.eq(1), place.eq(0), codes.eq(self.codes.word), window.eq(self.inputs.word)]
            m.d.sync += Cat(last, empty, engine).eq(flags)
        for number, each in enumerate(self.engines):
            m.d.comb += [
                each.run.eq(busy & ~final & (engine == number)),
                each.first.eq(place == 0),
                each.place.eq(place),
                each.code.eq(codes.word_select(place, CODE_BITS)),
            ]
        made = Array([Cat(each.weights) for each in self.engines])[engine]
        m.d.comb += [Cat(macs.weights).eq(made), macs.window.eq(window)]
        m.d.comb += [macs.first.eq(first_of_tile), macs.last.eq(last), macs.empty.eq(empty)]
