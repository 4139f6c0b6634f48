"""The multipliers of a chunk with their adder trees and accumulators: output channels x input channels x rows x columns."""

from itertools import product
from typing import NamedTuple

from netchip.rtl.components.adder_tree import AdderTree
from netchip.rtl.components.products import PairedProduct, Product
from netchip.rtl.language import Circuit, Elaboratable, Module, Mux, Signal, Wire, delayed, signed
from netchip.rtl.plan import EngineSize

PAIRED_UP_TO_BITS = 8
SUM_BITS = 32


class Unit(NamedTuple):
    """A multiplier's place: output channel, input channel, row, column."""

    out: int
    input: int
    row: int
    column: int


def units_of(size: EngineSize) -> list[Unit]:
    """All multipliers."""
    return [Unit(*each) for each in product(range(size.out), range(size.inputs), range(size.rows), range(size.columns))]


def pairing(size: EngineSize) -> str | None:
    """The loop whose neighbours share a slice, so that slices are fewest; none where operands are wider than 8 bits.

    Output channels side by side share an input (not in a depthwise engine), rows and columns side by side share a weight.
    """
    if max(size.chunk.weight_bits, size.chunk.input_bits) > PAIRED_UP_TO_BITS:
        return None
    shares = {"row": size.rows, "column": size.columns}
    if not size.engine.depthwise:
        shares = {"out": size.out, **shares}
    best = min(shares, key=lambda name: -(-shares[name] // 2) / shares[name])
    return best if shares[best] > 1 else None


def slices_of(size: EngineSize) -> list[tuple[Unit, ...]]:
    """The multipliers, those together that share a slice."""
    loop, units = pairing(size), units_of(size)
    if loop is None:
        return [(unit,) for unit in units]
    firsts = [unit for unit in units if getattr(unit, loop) % 2 == 0]
    there = set(units)
    pairs = [(unit, unit._replace(**{loop: getattr(unit, loop) + 1})) for unit in firsts]
    return [tuple(unit for unit in pair if unit in there) for pair in pairs]


class MacArray(Elaboratable):
    """Sums of products over the cycles from one `first` to the next.

    `inputs[lane][row][column]` and `weights[out * inputs + input]` come in a cycle with `first`; `latency` cycles later
    `sums[out][row][column]` have them in. An input lane is an input channel, or the output channel of a depthwise engine.
    """

    def __init__(self, size: EngineSize) -> None:
        self.size = size
        chunk, lanes = size.chunk, size.input_packing.lanes
        self.first = Signal()
        self.inputs = [
            [
                [Signal(signed(chunk.input_bits), name=f"input_{lane}_{i}_{j}") for j in range(size.columns)]
                for i in range(size.rows)
            ]
            for lane in range(lanes)
        ]
        self.weights = [
            Signal(signed(chunk.weight_bits), name=f"weight_{m}_{n}")
            for m in range(size.out)
            for n in range(size.inputs)
        ]
        self.sums = [
            [
                [Signal(signed(SUM_BITS), name=f"sum_{m}_{i}_{j}", reset_less=True) for j in range(size.columns)]
                for i in range(size.rows)
            ]
            for m in range(size.out)
        ]
        self.levels = (size.inputs - 1).bit_length()
        self.latency = 2 + self.levels

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        products = self._products(m)
        first = delayed(m, self.first, 1 + self.levels)
        for out, row, column in product(*map(range, (self.size.out, self.size.rows, self.size.columns))):
            terms = [products[Unit(out, each, row, column)] for each in range(self.size.inputs)]
            tree = AdderTree(len(terms), len(terms[0]))
            m.submodules[f"tree_{out}_{row}_{column}"] = tree
            m.d.comb += [given.eq(term) for given, term in zip(tree.terms, terms, strict=True)]
            total = self.sums[out][row][column]
            m.d.sync += total.eq(Mux(first, 0, total) + tree.result)
        return m

    def _products(self, m: Circuit) -> dict[Unit, Wire]:
        found: dict[Unit, Wire] = {}
        loop = pairing(self.size)
        for units in slices_of(self.size):
            unit = units[0]
            name = f"product_{unit.out}_{unit.input}_{unit.row}_{unit.column}"
            if len(units) == 1:
                found[unit] = self._single(m, name, unit)
            else:
                part = self._pair(m, name, *units, shared_input=loop == "out")
                found[unit], found[units[1]] = part.low_result, part.high_result
        return found

    def _single(self, m: Circuit, name: str, unit: Unit) -> Wire:
        part = Product(self.size.chunk.weight_bits, self.size.chunk.input_bits)
        m.submodules[name] = part
        m.d.comb += [part.first.eq(self._weight(unit)), part.second.eq(self._input(unit))]
        return part.result

    def _pair(self, m: Circuit, name: str, low: Unit, high: Unit, *, shared_input: bool) -> PairedProduct:
        part = PairedProduct()
        m.submodules[name] = part
        own, shared = (self._weight, self._input) if shared_input else (self._input, self._weight)
        m.d.comb += [part.low.eq(own(low)), part.high.eq(own(high)), part.shared.eq(shared(low))]
        return part

    def _weight(self, unit: Unit) -> Wire:
        return self.weights[unit.out * self.size.inputs + unit.input]

    def _input(self, unit: Unit) -> Wire:
        lane = unit.out if self.size.engine.depthwise else unit.input
        return self.inputs[lane][unit.row][unit.column]
