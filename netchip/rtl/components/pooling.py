"""Pooling of lanes side by side: the largest value of a window, or its sum, which a requantiser makes an average of."""

from netchip.rtl.language import Circuit, Elaboratable, Module, Mux, Signal, signed


class Pooling(Elaboratable):
    """`results[lane]` over the enabled cycles from the last `first` on, a cycle later: the maximum, or the sum where `summing`."""

    def __init__(self, lanes: int, bits: int, sum_bits: int = 32) -> None:
        self.enable, self.first, self.summing = Signal(name="enable"), Signal(name="first"), Signal(name="summing")
        self.values = [Signal(signed(bits), name=f"value_{lane}") for lane in range(lanes)]
        self.results = [Signal(signed(sum_bits), name=f"result_{lane}", reset_less=True) for lane in range(lanes)]

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        for value, result in zip(self.values, self.results, strict=True):
            larger = Mux(value > result, value, result)
            with m.If(self.enable):
                m.d.sync += result.eq(Mux(self.first, value, Mux(self.summing, result + value, larger)))
        return m
