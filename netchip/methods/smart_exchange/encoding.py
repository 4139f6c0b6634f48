"""What memory holds for a factored weight, and the work to rebuild it: for workloads, which any chip can be asked to price."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from netchip.graph.capture import capture
from netchip.graph.to_workload import to_workload
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.packing.sizes import Counts, predicted_size
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

REBUILD_ACTION = "shift_add"


@dataclass(frozen=True)
class SmartExchangeWeights:
    """A `WeightEncoding`, counted from real factors: stored bits as in the file; a shift and add for each weight that a non-zero
    coefficient touches, `width` of them (arXiv 2005.03403, section IV-B: the rebuild engine).
    """

    counts: Counts

    def stored_bits(self, shape: LayerShape, precision: Precision) -> int:
        """Codes, bitmaps and basis, whatever the precision."""
        return predicted_size(self.counts).bits

    def rebuild_actions(self, shape: LayerShape) -> dict[str, int]:
        """`shift_add`s to rebuild all weights once."""
        return {REBUILD_ACTION: self.counts.nonzero * self.counts.width}


def encoded_workload(model: nn.Module, example: Any, packed: Mapping[str, Packed]) -> Workload:
    """The workload of `model` on `example`, each layer that reads a weight of `packed` with what is stored of it.

    The others stay dense, at 8 bits.
    """
    weights = weights_of_layers(model, example)
    workload = to_workload(model, example)
    layers = tuple(_encoded(layer, packed, weights) for layer in workload.layers)
    return replace(workload, layers=layers)


def _encoded(layer: Layer, packed: Mapping[str, Packed], weights: Mapping[str, tuple[str, ...]]) -> Layer:
    name = next((name for name in weights.get(layer.name, ()) if name in packed), None)
    return layer if name is None else replace(layer, weights=SmartExchangeWeights(packed[name].counts))


def weights_of_layers(model: nn.Module, example: Any) -> dict[str, tuple[str, ...]]:
    """The names of the parameter that each layer has as its weight."""
    return {
        op.layer: operand.parameters
        for op in capture(model, example).ops
        for operand in op.operands
        if operand.argument == "weight" and operand.parameters
    }
