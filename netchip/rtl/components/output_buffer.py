"""Sums of the tile that is computed and of the one before, which is stored meanwhile: two halves, a bank a unit in each."""

from itertools import product

from netchip.rtl.language import Cat, Circuit, Elaboratable, Module, Mux, Signal, delayed, memory_of, signed
from netchip.rtl.plan import EngineSize

SUM_BITS = 32


class OutputBuffer(Elaboratable):
    """Adds `sums` to what `address` of half `half` holds, or replaces it where not `keep`, if `last`.

    `address`, `half`, `keep` and `last` come a cycle before their sums. A half that is `full` belongs to the store: while
    `advance`, `store_address` is read, and a cycle later `slots` are all sums there of half `slots_half`. Slots are channels
    (padded up), in columns, in rows, in the positions of an address. Each unit has a bank a position, so that all are read at
    once.
    """

    def __init__(self, size: EngineSize, depth: int) -> None:
        self.size, self.positions = size, size.output_packing.positions
        self.address_bits = (depth - 1).bit_length()
        self.position_bits = (self.positions - 1).bit_length()
        self.address = Signal(max(1, self.address_bits + self.position_bits))
        self.half, self.keep, self.last = Signal(name="half"), Signal(name="keep"), Signal(name="last")
        self.units = list(product(range(size.rows), range(size.columns), range(size.out)))
        self.sums = [Signal(signed(SUM_BITS), name=f"sum_{m}_{i}_{j}") for i, j, m in self.units]
        self.full, self.advance, self.slots_half = (
            Signal(2, name="full"),
            Signal(name="advance"),
            Signal(name="slots_half"),
        )
        self.store_address = Signal(max(1, self.address_bits))
        count = self.positions * size.rows * size.columns * size.padded_out
        self.slots = [Signal(signed(SUM_BITS), name=f"slot_{place}") for place in range(count)]

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        late = {name: delayed(m, getattr(self, name), 1) for name in ("address", "half", "keep", "last")}
        for place, (i, j, out) in enumerate(self.units):
            reads = [
                [
                    self._bank(m, f"half_{half}_unit_{out}_{i}_{j}_{position}", half, position)
                    for position in range(self.positions)
                ]
                for half in range(2)
            ]
            old, total = Signal(SUM_BITS, name=f"old_{place}"), Signal(SUM_BITS, name=f"total_{place}")
            chosen = [
                Cat(read.data for read, _ in banks).word_select(late["address"][: self.position_bits], SUM_BITS)
                for banks in reads
            ]
            m.d.comb += [
                old.eq(Mux(late["half"], chosen[1], chosen[0])),
                total.eq(self.sums[place] + Mux(late["keep"], old, 0)),
            ]
            for position in range(self.positions):
                slot = ((position * self.size.rows + i) * self.size.columns + j) * self.size.padded_out + out
                m.d.comb += self.slots[slot].eq(
                    Mux(self.slots_half, reads[1][position][0].data, reads[0][position][0].data)
                )
                for half in range(2):
                    here = late["last"] & (late["half"] == half) & (late["address"][: self.position_bits] == position)
                    write = reads[half][position][1]
                    m.d.comb += [
                        write.en.eq(here),
                        write.addr.eq(late["address"][self.position_bits :]),
                        write.data.eq(total),
                    ]
        return m

    def _bank(self, m: Circuit, name: str, half: int, position: int):
        """One bank, whose read port is the adders' or the store's; its ports."""
        m.submodules[name] = memory = memory_of(SUM_BITS, 1 << self.address_bits)
        read, write = memory.read_port(), memory.write_port()
        own = self.address[self.position_bits :][: self.address_bits]
        m.d.comb += [
            read.addr.eq(Mux(self.full[half], self.store_address, own)),
            read.en.eq(self.advance | ~self.full[half]),
        ]
        return read, write
