"""A factored network on the five engines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from netchip.hardware.engines.compare import BaselineWeights, EngineComparison, compare_engines
from netchip.hardware.engines.resources import EngineOptions, Resources, load_resources
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.engines.network import network_sparsity, weighed
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.training.settings import ActivationSettings
from netchip.workload.network import Workload
from netchip.workload.sparsity_file import NetworkSparsity

_RANGES = ActivationSettings()


@dataclass(frozen=True)
class Estimate:
    """What the engines cost, and what that was worked out from; `weight_of`: the weight that each layer reads, by layer."""

    workload: Workload
    sparsity: NetworkSparsity
    comparison: EngineComparison
    weight_of: Mapping[str, str]


def estimate_engines(
    model: nn.Module,
    factors: Mapping[str, Factored | Packed],
    example: Any,
    batches: Sequence[Any] = (),
    *,
    dense: nn.Module | None = None,
    baseline_weights: BaselineWeights = "own",
    ranges: ActivationSettings = _RANGES,
    resources: Resources | None = None,
    options: EngineOptions | None = None,
) -> Estimate:
    """The five engines on `model`, whose `factors` SmartExchange's engine stores; arguments as `network_sparsity` takes them.

    `baseline_weights` "own": the other engines run `dense`, its weights at 8 bits and its own activations; none: `model`'s layers
    with dense 8-bit weights, and `model`'s activations. "same_sparsified": they run `model`, its weights rebuilt.
    Raises `RequestError` as `compare_engines` does.
    """
    shared = resources or load_resources()
    seen = weighed(model, example)
    sparsity = network_sparsity(model, factors, batches, network=seen, ranges=ranges, grouping=shared.grouping)
    own = None
    if dense is not None and baseline_weights == "own":
        own = network_sparsity(dense, {}, batches, network=seen, ranges=ranges, grouping=shared.grouping)
    comparison = compare_engines(
        seen.workload, sparsity, baseline_weights=baseline_weights, own=own, resources=shared, options=options
    )
    return Estimate(seen.workload, sparsity, comparison, seen.weight_of)
