"""The statistics of a whole network: weights from its factors, activations from batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from netchip.graph.activation_traces import activation_traces
from netchip.graph.to_workload import to_workload
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.encoding import weights_of_layers
from netchip.methods.smart_exchange.engines.assumed import ASSUMED, assumed_inputs
from netchip.methods.smart_exchange.engines.weights import factored_weights, rounded_weights
from netchip.methods.smart_exchange.packing.packed import Packed, pack
from netchip.methods.smart_exchange.training.activations import Activations
from netchip.methods.smart_exchange.training.settings import ActivationSettings
from netchip.methods.smart_exchange.training.treated import Found, find_weights
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.sparsity import DEFAULT_GROUPING, ActivationSparsity, Grouping, LayerSparsity, WeightSparsity
from netchip.workload.sparsity_file import NetworkSparsity
from netchip.workload.weight_statistics import assumed_weights

_RANGES = ActivationSettings()


@dataclass(frozen=True)
class Weighed:
    """A network's layers for one input, and the name of the weight that each of them reads, where it reads one."""

    workload: Workload
    weight_of: Mapping[str, str]
    found: Mapping[str, Found]


def weighed(model: nn.Module, example: Any) -> Weighed:
    """The layers of `model` on `example`, with their weights."""
    found = {name: each for each in find_weights(model)[0] for name in each.names}
    named = weights_of_layers(model, example)
    workload = to_workload(model, example)
    weight_of = {
        layer.name: found[name].name
        for layer in workload.layers
        for name in named.get(layer.name, ())[:1]
        if name in found
    }
    return Weighed(workload, weight_of, found)


def network_sparsity(
    model: nn.Module,
    factors: Mapping[str, Factored | Packed],
    batches: Sequence[Any] = (),
    *,
    example: Any = None,
    network: Weighed | None = None,
    ranges: ActivationSettings = _RANGES,
    grouping: Grouping = DEFAULT_GROUPING,
) -> NetworkSparsity:
    """The statistics of the layers of `model`, whose weights in `factors` (by parameter name) are stored as factors.

    All other weights are counted as they are, rounded to 8 bits: so for a dense network give no factors. Activations are traced on
    `batches` of inputs, their 8-bit ranges set on the same ones as `ranges` says; without batches, and for layers that are no
    modules (attention), they are assumed; the source of the result says what is. `example`: an input as `to_workload` takes it,
    else the first batch; or `network`, what `weighed` gave.
    """
    seen = network or weighed(model, batches[0] if example is None else example)
    weights = {layer.name: _weights(layer, model, factors, seen, grouping) for layer in seen.workload.layers}
    traced = _traced(model, batches, weights, ranges, grouping)
    layers = tuple(
        LayerSparsity(
            layer=layer.name,
            weights=weights[layer.name],
            activations=traced.get(layer.name)
            or assumed_inputs(layer.shape, weights[layer.name].channels_in_row, grouping),
        )
        for layer in seen.workload.layers
    )
    return NetworkSparsity(
        layers, f"{_weights_in_words(weights, seen)}; {_activations_in_words(batches, layers, traced, ranges)}"
    )


def _weights(
    layer: Layer, model: nn.Module, factors: Mapping[str, Factored | Packed], seen: Weighed, grouping: Grouping
) -> WeightSparsity:
    name = seen.weight_of.get(layer.name)
    if name is None:  # a product of activations, or of a weight in a form of its own
        return assumed_weights(layer.shape, grouping=grouping)
    if name in factors:
        factored = factors[name]
        packed = pack(factored) if isinstance(factored, Factored) else factored
        return factored_weights(packed, layer.shape, grouping)
    weight = model.get_parameter(name)
    return rounded_weights(weight, _plain_tiling(weight, seen.found[name]), layer.shape, grouping)


def _plain_tiling(weight: Tensor, found: Found) -> Tiling:
    """One row a filter: only which values make a filter matters."""
    groups = found.groups if found.kind == "transposed" else 0
    whole = Tiling(tuple(weight.shape), 1, transposed_groups=groups)
    return replace(whole, width=whole.filter_size)


def _traced(
    model: nn.Module,
    batches: Sequence[Any],
    weights: Mapping[str, WeightSparsity],
    settings: ActivationSettings,
    grouping: Grouping,
) -> dict[str, ActivationSparsity]:
    if not batches:
        return {}
    modules = dict(model.named_modules())
    layers = [name for name in weights if _can_be_traced(modules.get(name.partition("#")[0]))]
    calibrated = Activations(model, tuple(dict.fromkeys(name.partition("#")[0] for name in layers)), settings)
    try:
        ranges = calibrated.calibrate(batches).ranges
    finally:
        calibrated.remove()
    rows = {name: weights[name].channels_in_row for name in layers}
    return activation_traces(model, batches, layers=layers, ranges=ranges, channels_in_row=rows, grouping=grouping)


def _can_be_traced(module: nn.Module | None) -> bool:
    return isinstance(module, nn.modules.conv._ConvNd | nn.Linear)


def _weights_in_words(weights: Mapping[str, WeightSparsity], seen: Weighed) -> str:
    factored = sum(each.storage is not None for each in weights.values())
    rounded = len(seen.weight_of) - factored
    if not factored:
        return "weights rounded to 8 bits"
    return f"weights of {factored} layers from their factors" + (f", of {rounded} rounded to 8 bits" if rounded else "")


def _activations_in_words(
    batches: Sequence[Any],
    layers: Sequence[LayerSparsity],
    traced: Mapping[str, ActivationSparsity],
    settings: ActivationSettings,
) -> str:
    if not traced:
        return ASSUMED
    left = [each.layer for each in layers if each.layer not in traced]
    limit = f"percentile {settings.percentile:g}" if settings.range == "percentile" else settings.range
    rest = f"; not those of {', '.join(left[:3])}{' and others' if len(left) > 3 else ''}: {ASSUMED}" if left else ""
    return f"activations traced on {_images(batches)} inputs (8 bits, ranges by {limit}){rest}"


def _images(batches: Sequence[Any]) -> int:
    return sum(_count(batch) for batch in batches)


def _count(batch: Any) -> int:
    if isinstance(batch, Tensor):
        return len(batch)
    values = list(batch.values() if isinstance(batch, Mapping) else batch)
    return len(values[0]) if values and isinstance(values[0], Tensor) else 1
