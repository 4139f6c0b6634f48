"""SmartExchange's rebuild engine: a basis in registers, and the shift-and-add that makes rows of weights of it."""

from netchip.rtl.components.line_size import BASIS_BITS, CODE_BITS, LineSize
from netchip.rtl.language import Array, Cat, Circuit, Elaboratable, Module, Mux, Signal, Wire, bits_for, signed


class RebuildEngine(Elaboratable):
    """A row of weights in as many cycles as it has coefficients, each a row of the basis shifted and added or subtracted.

    `load` writes `load_values` into row `load_row` of the basis. In a cycle with `run` coefficient number `place`, of the code
    `code`, goes into the sums, which `first` begins anew; `weights` are the sums with it in, in the same cycle.
    """

    def __init__(self, size: LineSize) -> None:
        self.size, length = size, size.length
        self.load, self.load_row = Signal(name="load"), Signal(bits_for(length - 1), name="load_row")
        self.load_values = Signal(length * BASIS_BITS, name="load_values")
        self.run, self.first = Signal(name="run"), Signal(name="first")
        self.place, self.code = Signal(bits_for(length - 1), name="place"), Signal(CODE_BITS, name="code")
        self.weights = [Signal(signed(size.weight_bits), name=f"weight_{n}") for n in range(length)]

    def elaborate(self, platform: object) -> Circuit:
        m, length = Module(), self.size.length
        basis = Array([Signal(length * BASIS_BITS, name=f"basis_{k}", reset_less=True) for k in range(length)])
        with m.If(self.load):
            m.d.sync += basis[self.load_row].eq(self.load_values)
        row = basis[self.place]
        for n, weight in enumerate(self.weights):
            total = Signal.like(weight, name=f"sum_{n}", reset_less=True)
            term = self._term(m, row.word_select(n, BASIS_BITS).as_signed(), n)
            before = Mux(self.first, 0, total)
            m.d.comb += weight.eq(Mux(self.code[-1], before - term, before + term))
            with m.If(self.run):
                m.d.sync += total.eq(weight)
        return m

    def _term(self, m: Circuit, value: Wire, n: int) -> Wire:
        """An element of the basis times the coefficient's power: 2^(7 - magnitude), or nothing where the magnitude is 0."""
        magnitude = self.code[:-1]
        shifted = Signal(signed(self.size.weight_bits), name=f"shifted_{n}")
        with m.If(magnitude != 0):
            m.d.comb += shifted.eq(value << Cat(~magnitude))
        return shifted
