"""Multipliers of one DSP slice: a plain one, and two products of 8 bits that share a factor as one wide product."""

from netchip.rtl.language import Circuit, Elaboratable, Module, Signal, signed


class Product(Elaboratable):
    """`result` is `first` times `second`, a cycle later."""

    def __init__(self, first_bits: int, second_bits: int) -> None:
        self.first, self.second = Signal(signed(first_bits), name="first"), Signal(signed(second_bits), name="second")
        self.result = Signal(signed(first_bits + second_bits), reset_less=True)

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        m.d.sync += self.result.eq(self.first * self.second)
        return m


class PairedProduct(Elaboratable):
    """`low` and `high` times `shared` a cycle later, all of 8 bits, as one product of 25 x 8 bits.

    (high * 2^16 + low) * shared holds low * shared in its lower 16 bits; where that is negative it has borrowed one from the upper.
    """

    def __init__(self) -> None:
        self.low, self.high, self.shared = (
            Signal(signed(8), name="low"),
            Signal(signed(8), name="high"),
            Signal(signed(8), name="shared"),
        )
        self.low_result, self.high_result = (
            Signal(signed(16), name="low_result"),
            Signal(signed(16), name="high_result"),
        )

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        both, wide = Signal(signed(25), name="both"), Signal(signed(33), reset_less=True, name="wide")
        m.d.comb += both.eq((self.high << 16) + self.low)
        m.d.sync += wide.eq(both * self.shared)
        m.d.comb += self.low_result.eq(wide[:16])
        m.d.comb += self.high_result.eq(wide[16:32] + wide[15])
        return m
