"""The roofline of a chip, and where the layers of a report lie under it.

Williams et al., "Roofline", CACM 2009: a layer computes no faster than the array, and no faster than the outermost memory brings
and takes what it needs. The plain bound keeps to that, and so do our own conventions; ZigZag's stall model lets moves on one port
share their windows, so that under the `zigzag` conventions a layer may rise above the roof on a busy shared port.
"""

from dataclasses import dataclass

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.cost_report import CostReport, LayerResult
from netchip.hardware.counting.pricing import width_of
from netchip.hardware.dimensions import OPERANDS
from netchip.units import BITS_PER_BYTE


@dataclass(frozen=True)
class Roof:
    """The most there is: MACs a cycle of the whole array, bytes a cycle of all ports of the outermost memory together.

    `bytes_per_cycle` is nothing where that memory is as fast as wanted.
    """

    macs_per_cycle: float
    bytes_per_cycle: float | None

    def at(self, macs_per_byte: float) -> float:
        """MACs a cycle of work that needs a byte for so many MACs."""
        if self.bytes_per_cycle is None:
            return self.macs_per_cycle
        return min(self.macs_per_cycle, macs_per_byte * self.bytes_per_cycle)


@dataclass(frozen=True)
class RooflinePoint:
    """A layer: how many MACs it makes for a byte of the outermost memory, and how many a cycle."""

    layer: str
    macs_per_byte: float
    macs_per_cycle: float
    cycles: float


def roof_of(accelerator: Accelerator) -> Roof:
    """The roof of a chip."""
    outermost = [accelerator.memory(name) for name in _outermost(accelerator)]
    bits = sum(
        port.bits_per_cycle * accelerator.instances(memory.name) for memory in outermost for port in memory.ports
    )
    limited = all(memory.ports for memory in outermost)
    return Roof(accelerator.units / accelerator.cycles_per_mac, bits / BITS_PER_BYTE if limited else None)


def roofline_points(report: CostReport, accelerator: Accelerator) -> tuple[RooflinePoint, ...]:
    """A point for each layer that ever runs; none where the outermost memory states neither ports nor the width of an access.

    Bytes are those of whole accesses, as the report's conventions count them; cycles are the report's, without calibration.
    """
    names = _outermost(accelerator)
    found = [_point(layer, accelerator, names) for layer in report.layers if layer.cost.cycles > 0]
    return tuple(point for point in found if point is not None)


def _point(layer: LayerResult, accelerator: Accelerator, names: frozenset[str]) -> RooflinePoint | None:
    bits = 0.0
    for action, count in layer.cost.accesses.items():
        if action.memory in names:
            width = width_of(accelerator, action)
            if width is None:
                return None
            bits += count * width.full
    cost = layer.cost
    if not bits:
        return None
    return RooflinePoint(layer.name, layer.macs * BITS_PER_BYTE / bits, layer.macs / cost.cycles, cost.cycles)


def _outermost(accelerator: Accelerator) -> frozenset[str]:
    """The memories that hold the whole of an operand."""
    return frozenset(accelerator.memories[accelerator.chain(operand)[-1]].name for operand in OPERANDS)
