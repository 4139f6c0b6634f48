"""What a cost is a cost of: a measure prices an operator at definite widths and size, and a whole network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from netchip.methods.autogan_distiller.costing.counting import Count, count_model, operations
from netchip.methods.autogan_distiller.space.operator import Operator
from netchip.units import BITS_PER_BYTE, format_count
from netchip.workload.shape import Pair

_BIAS_BITS = 32


@dataclass(frozen=True)
class Priced:
    """What is to be priced: `operator` from `inputs` to `outputs` channels on maps of `size` (height, width)."""

    operator: Operator
    inputs: int
    outputs: int
    size: Pair


class Measure(Protocol):
    """A cost that adds up over layers. `name` is that of the budget it belongs to ("macs", "latency")."""

    @property
    def name(self) -> str:
        """As in a budget and a report."""
        ...

    @property
    def count(self) -> Count:
        """How sizes pass from layer to layer; "macs" unless a fault is reproduced on purpose."""
        ...

    def prices(self, items: Sequence[Priced]) -> list[float]:
        """The cost of each; all at once, since measuring and mapping are done side by side."""
        ...

    def of_model(self, model: nn.Module, example: Tensor) -> float:
        """The cost of a whole network on `example` [1, C, H, W]: what a share in a budget is a share of."""
        ...

    def written(self, cost: float) -> str:
        """A cost with its unit."""
        ...


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulates an image; or operations as others count them, which is said in the name."""

    count: Count = "macs"

    @property
    def name(self) -> str:
        """ "macs", or the way of counting."""
        return self.count

    def prices(self, items: Sequence[Priced]) -> list[float]:
        """Counted."""
        return [
            float(
                sum(
                    operations(each, self.count)
                    for each in item.operator.convolutions(item.inputs, item.outputs, item.size)
                )
            )
            for item in items
        ]

    def of_model(self, model: nn.Module, example: Tensor) -> float:
        """Counted; a model has no "agd_paper" count."""
        return float(count_model(model, example, self.count))

    def written(self, cost: float) -> str:
        """ "9.00 GMACs"."""
        return f"{format_count(cost)}MACs" if self.count == "macs" else f"{format_count(cost)}ops ({self.count})"


@dataclass(frozen=True)
class Parameters:
    """Weights and biases."""

    name: str = "parameters"
    count: Count = "macs"

    def prices(self, items: Sequence[Priced]) -> list[float]:
        """Counted."""
        return [
            float(sum(each.parameters for each in item.operator.convolutions(item.inputs, item.outputs, item.size)))
            for item in items
        ]

    def of_model(self, model: nn.Module, example: Tensor) -> float:
        """All parameters of the model."""
        return float(sum(each.numel() for each in model.parameters()))

    def written(self, cost: float) -> str:
        """ "803 k parameters"."""
        return f"{format_count(cost)} parameters"


@dataclass(frozen=True)
class Bytes:
    """Bytes that memory holds for the parameters: weights of `bits` bits, biases of 32."""

    bits: int = 32
    name: str = "bytes"
    count: Count = "macs"

    def prices(self, items: Sequence[Priced]) -> list[float]:
        """Counted."""
        return [
            sum(
                (each.shape.weights * self.bits + each.biases * _BIAS_BITS) / BITS_PER_BYTE
                for each in item.operator.convolutions(item.inputs, item.outputs, item.size)
            )
            for item in items
        ]

    def of_model(self, model: nn.Module, example: Tensor) -> float:
        """As the model holds its parameters now, whatever `bits` says: a share is of the teacher as it is."""
        return float(sum(each.numel() * each.element_size() for each in model.parameters()))

    def written(self, cost: float) -> str:
        """ "3.21 MB"."""
        return f"{format_count(cost)}B"
