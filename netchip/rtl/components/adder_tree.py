"""A tree of adders with a register after each level."""

from netchip.rtl.language import Circuit, Elaboratable, Module, Signal, signed


class AdderTree(Elaboratable):
    """`result` is the sum of `terms`, `levels` cycles later; none is lost, as each level has a bit more."""

    def __init__(self, count: int, bits: int) -> None:
        self.levels = (count - 1).bit_length()
        self.terms = [Signal(signed(bits), name=f"term_{place}") for place in range(count)]
        self.result = Signal(signed(bits + self.levels))

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        terms = self.terms
        for level in range(self.levels):
            bits = len(terms[0]) + 1
            count = (len(terms) + 1) // 2
            sums = [Signal(signed(bits), name=f"sum_{level}_{place}", reset_less=True) for place in range(count)]
            for place, each in enumerate(sums):
                m.d.sync += each.eq(sum(terms[2 * place + 1 : 2 * place + 2], start=terms[2 * place]))
            terms = sums
        m.d.comb += self.result.eq(terms[0])
        return m
