"""The layers of a frame one after the other: reads each one's row of the table, begins it, and waits until it has ended."""

from netchip.rtl.language import Cat, Circuit, Elaboratable, Memory, Module, Signal, bits_for, signed, unsigned
from netchip.rtl.program import SIGNED, Program


class Sequencer(Elaboratable):
    """`fields` hold the row of layer `layer` from `begin` on; `ended` says that its last word has passed.

    `busy` is up from the cycle after `start` to the one in which the last layer has ended.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.count = program, len(program.plans)
        self.start, self.busy, self.begin, self.ended = (
            Signal(name="start"),
            Signal(name="busy"),
            Signal(name="begin"),
            Signal(name="ended"),
        )
        self.layer = Signal(bits_for(self.count - 1))
        self.fields = {
            name: Signal(signed(bits) if name in SIGNED else bits, name=name) for name, bits in program.bits.items()
        }

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        names = list(self.fields)
        width = sum(len(signal) for signal in self.fields.values())
        rows = [self._word(row) for row in self.program.rows]
        m.submodules.table = table = Memory(shape=unsigned(width), depth=self.count, init=rows)
        read = table.read_port(domain="comb")
        m.d.comb += read.addr.eq(self.layer)
        with m.FSM() as machine:
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += self.layer.eq(0)
                m.next = "READ"
            with m.State("READ"):
                m.d.sync += Cat(self.fields[name] for name in names).eq(read.data)
                m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += self.begin.eq(1)
                m.next = "RUN"
            with m.State("RUN"), m.If(self.ended):
                m.d.sync += self.layer.eq(self.layer + 1)
                m.next = "READ"
                with m.If(self.layer == self.count - 1):
                    m.d.sync += self.layer.eq(0)
                    m.next = "IDLE"
        m.d.comb += self.busy.eq(~machine.ongoing("IDLE"))
        return m

    def _word(self, row: dict[str, int]) -> int:
        word, place = 0, 0
        for name, signal in self.fields.items():
            word |= row[name] % 2 ** len(signal) << place
            place += len(signal)
        return word
