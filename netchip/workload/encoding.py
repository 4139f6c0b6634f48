"""How operands are held: bits of each, and what memory stores for the weights."""

from dataclasses import dataclass, fields
from typing import Protocol

from netchip.errors import RequestError
from netchip.workload.shape import LayerShape


@dataclass(frozen=True)
class Precision:
    """Bits of each operand of a layer. Raises `RequestError` for a width that is no positive whole number."""

    weight_bits: int = 8
    input_bits: int = 8
    output_bits: int = 8
    accumulator_bits: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            bits = getattr(self, field.name)
            if isinstance(bits, bool) or not isinstance(bits, int) or bits < 1:
                raise RequestError(f"{field.name} = {bits!r}: give a whole number of bits, at least 1")


class WeightEncoding(Protocol):
    """What memory holds for a layer's weights, and what must be done before they can be multiplied."""

    @property
    def kind(self) -> str:
        """The name in a workload file."""
        ...

    def stored_bits(self, shape: LayerShape, precision: Precision) -> int:
        """Bits that memory holds for the weights of a layer."""
        ...

    def rebuild_actions(self, shape: LayerShape) -> dict[str, int]:
        """Counts of the actions that turn what is stored into weights, by action; empty when there are none."""
        ...


@dataclass(frozen=True)
class DenseWeights:
    """Every weight stored as it is. The second operand of a matmul is an activation: nothing is stored for it."""

    kind: str = "dense"

    def stored_bits(self, shape: LayerShape, precision: Precision) -> int:
        """Weights times their bits."""
        return 0 if shape.kind == "matmul" else shape.weights * precision.weight_bits

    def rebuild_actions(self, shape: LayerShape) -> dict[str, int]:
        """None."""
        return {}


ENCODINGS: dict[str, WeightEncoding] = {"dense": DenseWeights()}
