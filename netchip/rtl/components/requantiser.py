"""From a sum to an output: bias, multiplier and shift with ties to even, zero point, and the range that is left by a ReLU."""

from netchip.rtl.language import Circuit, Const, Elaboratable, Module, Mux, Signal, Wire, signed
from netchip.rtl.scaling import LEAST_SHIFT, MULTIPLIER_BITS, SHIFT_BITS

SUM_BITS, LOW_BITS = 32, 17
"""A sum is multiplied in two parts of at most 18 signed bits, a DSP slice each."""


class Requantiser(Elaboratable):
    """`result` of `sum` five enabled cycles later, as `reference.requantised` has it; its `parameters` come with it.

    These are, from the lowest bit: bias, multiplier, and what the shift is beyond the least one. `zero_point` and `lowest`
    stand still while sums are under way.
    """

    latency = 5

    def __init__(self, output_bits: int) -> None:
        self.output_bits = output_bits
        self.enable = Signal()
        self.sum = Signal(signed(SUM_BITS))
        self.parameters = Signal(SUM_BITS + MULTIPLIER_BITS + SHIFT_BITS)
        self.zero_point, self.lowest = (
            Signal(signed(output_bits), name="zero_point"),
            Signal(signed(output_bits), name="lowest"),
        )
        self.result = Signal(signed(output_bits), reset_less=True)

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        total, shift = self._scaled(m)
        product_bits = SUM_BITS + MULTIPLIER_BITS
        shifted, sticky = (
            Signal(signed(product_bits), reset_less=True, name="shifted"),
            Signal(reset_less=True, name="sticky"),
        )
        kept = total[: 2**SHIFT_BITS - 1] & ((Const(1, 2**SHIFT_BITS) << shift) - 1)[: 2**SHIFT_BITS - 1]
        whole, guard, below = shifted[LEAST_SHIFT:].as_signed(), shifted[LEAST_SHIFT - 1], shifted[: LEAST_SHIFT - 1]
        up = guard & (whole[0] | sticky | below.any())
        moved = Signal(signed(len(whole) + 2))
        m.d.comb += moved.eq(whole + up + self.zero_point)
        largest = 2 ** (self.output_bits - 1) - 1
        with m.If(self.enable):
            m.d.sync += [shifted.eq(total >> shift), sticky.eq(kept.any())]
            m.d.sync += self.result.eq(Mux(moved > largest, largest, Mux(moved < self.lowest, self.lowest, moved)))
        return m

    def _scaled(self, m: Circuit) -> tuple[Wire, Wire]:
        """The biased sum times the multiplier, three cycles later, and the shift that goes with it."""
        biased, multiplier = (
            Signal(signed(SUM_BITS), reset_less=True, name="biased"),
            Signal(MULTIPLIER_BITS, reset_less=True, name="multiplier"),
        )
        bias, factor = self.parameters[:SUM_BITS].as_signed(), self.parameters[SUM_BITS : SUM_BITS + MULTIPLIER_BITS]
        beyond = self.parameters[SUM_BITS + MULTIPLIER_BITS :]
        shifts = [Signal(SHIFT_BITS, name=f"shift_{stage}", reset_less=True) for stage in range(3)]
        low = Signal(signed(LOW_BITS + MULTIPLIER_BITS + 1), reset_less=True)
        high = Signal(signed(SUM_BITS - LOW_BITS + MULTIPLIER_BITS), reset_less=True)
        total = Signal(signed(SUM_BITS + MULTIPLIER_BITS), reset_less=True)
        with m.If(self.enable):
            m.d.sync += [biased.eq(self.sum + bias), multiplier.eq(factor)]
            m.d.sync += [later.eq(shift) for later, shift in zip(shifts, [beyond, *shifts], strict=False)]
            m.d.sync += low.eq(biased[:LOW_BITS] * multiplier)
            m.d.sync += high.eq(biased[LOW_BITS:].as_signed() * multiplier)
            m.d.sync += total.eq((high << LOW_BITS) + low)
        return total, shifts[2]
