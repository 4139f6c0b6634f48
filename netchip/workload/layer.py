"""A layer of a network: its name, its shape, its bits, how its weights are stored and how often it runs."""

from dataclasses import KW_ONLY, dataclass

from netchip.errors import RequestError
from netchip.workload.encoding import DenseWeights, Precision, WeightEncoding
from netchip.workload.shape import LayerShape

_EIGHT_BITS = Precision()
_DENSE = DenseWeights()


@dataclass(frozen=True)
class Layer:
    """One layer of a workload.

    `execution_rate` is the share of the inputs that run it, in [0, 1]: a layer that half of the inputs skip has 0.5,
    and one that runs at 4 bits for some inputs and at 8 for the others is two layers whose rates sum to 1.
    Raises `RequestError` for an empty name or a rate outside [0, 1].
    """

    name: str
    shape: LayerShape
    _: KW_ONLY
    precision: Precision = _EIGHT_BITS
    weights: WeightEncoding = _DENSE
    execution_rate: float = 1.0

    def __post_init__(self) -> None:
        if not self.name:
            raise RequestError("a layer needs a name, such as 'layer1.0.conv1'")
        if not 0.0 <= self.execution_rate <= 1.0:
            raise RequestError(
                f"{self.name}: execution_rate = {self.execution_rate!r}; give a share of inputs from 0 to 1"
            )

    @property
    def macs(self) -> float:
        """Multiply-accumulates of a pass over the batch, on average over inputs; whole where every input runs it."""
        return self.shape.macs if self.execution_rate == 1.0 else self.shape.macs * self.execution_rate

    @property
    def holds_weights(self) -> bool:
        """Whether the second operand is weights; a product of two activations holds none."""
        return self.shape.kind == "conv"

    @property
    def stored_bits(self) -> int:
        """Bits in memory for the weights; 0 where there are none."""
        return self.weights.stored_bits(self.shape, self.precision) if self.holds_weights else 0
