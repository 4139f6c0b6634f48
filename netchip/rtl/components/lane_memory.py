"""A ping-pong buffer of several lanes: one half is filled word by word, while the other is read an element a lane at a time."""

from netchip.rtl.language import Cat, Circuit, Elaboratable, Module, Signal, Wire, bits_for, memory_of, signed
from netchip.rtl.plan import Packing


class LaneMemory(Elaboratable):
    """Lanes of `depth` addresses a half, each of `packing.positions` elements; both halves lie in one memory a lane.

    A word is written at `write_address` of `write_half` where `write_enable`, to all lanes, or to those of group `write_group`
    where a word does not hold all. Element `read_address` of `read_half` comes a cycle later as `read[lane]`.
    """

    def __init__(self, packing: Packing, bits: int, depth: int) -> None:
        self.packing, self.bits = packing, bits
        self.address_bits = (depth - 1).bit_length()
        self.position_bits = (packing.positions - 1).bit_length()
        self.write_enable, self.write_half = Signal(name="write_enable"), Signal(name="write_half")
        self.write_group = Signal(bits_for(packing.words - 1))
        self.write_address = Signal(max(1, self.address_bits))
        self.write_word = Signal(packing.per_word * bits)
        self.read_half = Signal()
        self.read_address = Signal(max(1, self.address_bits + self.position_bits))
        self.read = [Signal(signed(bits), name=f"read_{lane}") for lane in range(packing.lanes)]

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        position = Signal(max(1, self.position_bits), reset_less=True)
        m.d.sync += position.eq(self.read_address[: self.position_bits])
        elements = [self.write_word.word_select(place, self.bits) for place in range(self.packing.per_word)]
        for lane in range(self.packing.lanes):
            slots = [
                place * self.packing.lanes + lane % self.packing.per_word for place in range(self.packing.positions)
            ]
            self._lane(m, lane, Cat(elements[slot] for slot in slots), position)
        return m

    def _lane(self, m: Circuit, lane: int, word: Wire, position: Wire) -> None:
        width = self.packing.positions * self.bits
        m.submodules[f"lane_{lane}"] = memory = memory_of(width, 2 << self.address_bits)
        write, read = memory.write_port(), memory.read_port()
        write_address, read_address = self.write_address, self.read_address[self.position_bits :]
        m.d.comb += [
            write.en.eq(self.write_enable & (self.write_group == lane // self.packing.per_word)),
            write.addr.eq(Cat(write_address[: self.address_bits], self.write_half)),
            write.data.eq(word),
            read.addr.eq(Cat(read_address[: self.address_bits], self.read_half)),
            self.read[lane].eq(read.data.word_select(position[: self.position_bits], self.bits)),
        ]
