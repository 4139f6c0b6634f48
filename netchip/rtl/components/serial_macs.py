"""Multipliers that take the non-zero Booth digits of their inputs one after another, all under the same weight."""

from netchip.rtl.components.line_size import INPUT_BITS, SUM_BITS, LineSize
from netchip.rtl.language import Cat, Circuit, Elaboratable, Module, Mux, Signal, Wire, bits_for, signed


class SerialLane(Elaboratable):
    """One input's digits, lowest first, a non-zero one a cycle: each is added into `sum` two cycles later, times the weight.

    `value` stands for all cycles of a step and `more` says whether any is left after this one; `clear` forgets which were done.
    `weight`, `adds` and `begins`, which starts the sum anew, come a cycle after the digit that they are for.
    """

    def __init__(self, size: LineSize) -> None:
        self.size = size
        self.value, self.clear, self.more = Signal(INPUT_BITS, name="value"), Signal(name="clear"), Signal(name="more")
        self.weight = Signal(signed(size.weight_bits), name="weight")
        self.adds, self.begins = Signal(name="adds"), Signal(name="begins")
        self.sum = Signal(signed(SUM_BITS), name="sum", reset_less=True)

    def elaborate(self, platform: object) -> Circuit:
        m, digits = Module(), self.size.digits
        above = self.value[-1] if self.size.signed_inputs else 0
        bits = Cat(0, self.value, above, above)
        windows = [bits[2 * place : 2 * place + 3] for place in range(digits)]
        done, chosen = Signal(digits, name="done"), Signal(digits, name="chosen")
        pending, others = Signal(digits, name="pending"), Signal(digits, name="others")
        m.d.comb += pending.eq(Cat((each != 0) & (each != 7) for each in windows) & ~done)
        m.d.comb += [others.eq(pending & (pending - 1)), chosen.eq(pending ^ others), self.more.eq(others != 0)]
        m.d.sync += done.eq(Mux(self.clear, 0, done | chosen))
        self._add(m, windows, chosen)
        return m

    def _add(self, m: Circuit, windows: list[Wire], chosen: Wire) -> None:
        """The digit is kept as sign, whether it is of size two, and its place; then the weight is shifted and added."""
        negative, double = Signal(reset_less=True, name="negative"), Signal(reset_less=True, name="double")
        place = Signal.like(chosen, name="place", reset_less=True)
        m.d.sync += [
            place.eq(chosen),
            negative.eq(Cat(chosen[each] & window[2] for each, window in enumerate(windows)).any()),
            double.eq(Cat(chosen[each] & ((window == 3) | (window == 4)) for each, window in enumerate(windows)).any()),
        ]
        size = Signal(signed(self.size.weight_bits + 1), name="multiple")
        m.d.comb += size.eq(Mux(double, self.weight << 1, self.weight))
        term = Signal(signed(self.size.weight_bits + 2 * self.size.digits), name="term")
        for each in range(len(place)):
            with m.If(place[each]):
                m.d.comb += term.eq(size << 2 * each)
        before = Mux(self.begins, 0, self.sum)
        with m.If(self.adds):
            m.d.sync += self.sum.eq(Mux(negative, before - term, before + term))


class SerialMacs(Elaboratable):
    """Lanes under rows of weights; each weight takes as many cycles as the lane with the most digits, and at least one.

    A row (`weights`, `window`: see `LineSize.window_bits`) is taken in a cycle with `load` and `ready`; `first` begins the sums
    anew, after `last` they are shown with `valid` for a cycle, two after the row has ended. An `empty` row takes a cycle and
    adds nothing. Sums wrap at 32 bits.
    """

    def __init__(self, size: LineSize) -> None:
        self.size = size
        self.load, self.ready = Signal(name="load"), Signal(name="ready")
        self.weights = [Signal(signed(size.weight_bits), name=f"weight_{n}") for n in range(size.length)]
        self.window = Signal(size.window_bits, name="window")
        self.first, self.last, self.empty = (Signal(name=name) for name in ("first", "last", "empty"))
        self.lanes = [SerialLane(size) for _ in range(size.lanes)]
        self.sums = [lane.sum for lane in self.lanes]
        self.valid = Signal(name="valid")

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        busy, begins, ends = (Signal(name=name) for name in ("busy", "begins", "ends"))
        step_ends, row_ends = Signal(name="step_ends"), Signal(name="row_ends")
        left = Signal(bits_for(self.size.length - 1), name="left")
        m.d.comb += [
            step_ends.eq(~Cat(lane.more for lane in self.lanes).any()),
            row_ends.eq(busy & step_ends & (left == 0)),
            self.ready.eq(~busy | row_ends),
        ]
        with m.If(busy):
            m.d.sync += begins.eq(0)
        with m.If(busy & step_ends):
            m.d.sync += left.eq(left - 1)
        with m.If(self.ready):
            m.d.sync += [busy.eq(self.load), begins.eq(self.first), ends.eq(self.last)]
            m.d.sync += left.eq(Mux(self.empty, 0, self.size.length - 1))
        shows = Signal(name="shows")
        m.d.sync += [shows.eq(row_ends & ends), self.valid.eq(shows)]
        self._row(m, busy, step_ends, begins)
        return m

    def _row(self, m: Circuit, busy: Wire, step_ends: Wire, begins: Wire) -> None:
        """The row at hand slides under the lanes, one weight a step."""
        size = self.size
        inputs = Signal(size.window * INPUT_BITS, name="inputs", reset_less=True)
        enabled = Signal(size.lanes, name="enabled", reset_less=True)
        row = Signal(size.length * size.weight_bits, name="row", reset_less=True)
        with m.If(self.ready & self.load):
            m.d.sync += [inputs.eq(self.window), row.eq(Cat(self.weights))]
            m.d.sync += enabled.eq(Mux(self.empty, 0, self.window[-size.lanes :]))
        with m.Elif(step_ends):
            m.d.sync += [inputs.eq(inputs >> INPUT_BITS), row.eq(row >> size.weight_bits)]
        weight = Signal(signed(size.weight_bits), name="weight", reset_less=True)
        adds, starts = Signal(name="adds"), Signal(name="starts", reset_less=True)
        m.d.sync += [adds.eq(busy), starts.eq(begins), weight.eq(row[: size.weight_bits].as_signed())]
        for place, lane in enumerate(self.lanes):
            m.submodules[f"lane_{place}"] = lane
            value = inputs.word_select(place * size.stride, INPUT_BITS)
            m.d.comb += [lane.value.eq(Mux(enabled[place], value, 0)), lane.clear.eq(step_ends | ~busy)]
            m.d.comb += [lane.weight.eq(weight), lane.adds.eq(adds), lane.begins.eq(starts)]
