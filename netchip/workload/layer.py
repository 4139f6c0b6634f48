"""A named layer: a shape, how its operands are held, and the share of inputs that run it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from netchip.errors import RequestError
from netchip.workload.encoding import ENCODINGS, DenseWeights, Precision, WeightEncoding
from netchip.workload.shape import LayerShape


@dataclass(frozen=True)
class Layer:
    """One layer of a network. `execution_rate` in [0, 1] is the share of inputs that run it."""

    name: str
    shape: LayerShape
    precision: Precision = field(default=Precision(), kw_only=True)
    weights: WeightEncoding = field(default=DenseWeights(), kw_only=True)
    execution_rate: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        if not self.name:
            raise RequestError("a layer needs a name")
        if not 0.0 <= self.execution_rate <= 1.0:
            raise RequestError(f"{self.name}: execution_rate = {self.execution_rate}: it is a share of the inputs, from 0 to 1")

    @property
    def weight_bits(self) -> int:
        """Bits that memory holds for the weights."""
        return self.weights.stored_bits(self.shape, self.precision)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "shape": self.shape.to_json(),
            "precision": asdict(self.precision),
            "weights": {"kind": self.weights.kind},
            "execution_rate": self.execution_rate,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """What `to_json` gave. Raises `RequestError` for an encoding this version does not know, `KeyError` for a missing field."""
        kind = data["weights"]["kind"]
        if kind not in ENCODINGS:
            raise RequestError(f"{data['name']}: weights of kind {kind!r} are not known; there are: {', '.join(ENCODINGS)}")
        return cls(
            data["name"],
            LayerShape.from_json(data["shape"]),
            precision=Precision(**data["precision"]),
            weights=ENCODINGS[kind],
            execution_rate=data["execution_rate"],
        )
