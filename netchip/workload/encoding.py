"""How many bits a layer's numbers have, and what memory holds for its weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Protocol

from netchip.errors import RequestError
from netchip.workload.shape import LayerShape


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Bits of one weight, one input, one output and one partial sum; raises `RequestError` below 1 bit."""

    weight_bits: int = 8
    input_bits: int = 8
    output_bits: int = 8
    accumulator_bits: int = 32

    def __post_init__(self) -> None:
        for each in fields(self):
            bits = getattr(self, each.name)
            if type(bits) is not int or bits < 1:
                raise RequestError(f"{each.name} = {bits!r}: give a whole number of bits of at least 1")


class WeightEncoding(Protocol):
    """What memory holds for a layer's weights, and the work that turns it into weights before the MACs.

    Methods that store weights in another form (a basis and coefficients, say) hand in their own encoding.
    """

    def stored_bits(self, shape: LayerShape, precision: Precision) -> int:
        """Bits in memory for the weights of a layer of `shape` at `precision`."""
        ...

    def rebuild_actions(self, shape: LayerShape) -> dict[str, int]:
        """How often each kind of action ("shift_add", ...) runs to rebuild the weights once; empty where none does."""
        ...


@dataclass(frozen=True)
class DenseWeights:
    """Every weight stored as it is used."""

    def stored_bits(self, shape: LayerShape, precision: Precision) -> int:
        """All weights of `shape`, each of `weight_bits`."""
        return shape.weights * precision.weight_bits

    def rebuild_actions(self, shape: LayerShape) -> dict[str, int]:
        """None: dense weights need no work."""
        return {}


@dataclass(frozen=True)
class StatedWeights:
    """Weights whose storage and rebuilding were counted elsewhere: what a workload file holds of an encoding.

    `bits` in memory, `actions` per rebuilding of all weights; they hold for the layer they were counted for.
    Raises `RequestError` where one is negative or no whole number.
    """

    bits: int
    actions: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)

    def __post_init__(self) -> None:
        for name, count in (("bits", self.bits), *self.actions.items()):
            if type(count) is not int or count < 0:
                raise RequestError(f"{name} = {count!r}: give a whole number of at least 0")

    def stored_bits(self, shape: LayerShape, precision: Precision) -> int:
        """The stated bits, whatever the precision."""
        return self.bits

    def rebuild_actions(self, shape: LayerShape) -> dict[str, int]:
        """A copy of the stated actions."""
        return dict(self.actions)
