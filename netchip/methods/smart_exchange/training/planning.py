"""Which weights are treated, cut into which blocks, and which of their rows go."""

import itertools
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.choosing import gains, tiling_for
from netchip.methods.smart_exchange.decomposition.sparsity import (
    RowMask,
    filters_by_gamma,
    without_filters,
    without_share,
)
from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings
from netchip.methods.smart_exchange.training.trained_weight import TrainedWeight
from netchip.methods.smart_exchange.training.treated import Passed, find_weights, fits


def plan_weights(
    model: nn.Module, settings: SmartExchangeSettings
) -> tuple[dict[str, TrainedWeight], tuple[Passed, ...]]:
    """The weights to treat by name, with their blocks, and those left alone: by pattern, by kind, or because nothing is gained.

    Raises `ConfigError`, with the reasons, when none is left to treat.
    """
    found, left = find_weights(model, only=settings.only, skip=settings.skip)
    weights: dict[str, TrainedWeight] = {}
    passed = list(left)
    for each in found:
        tiling = tiling_for(
            each.shape,
            kind=each.kind,
            groups=each.groups,
            width=settings.width,
            height=settings.height,
            stacking=settings.stacking,
        )
        stored_bits = 8 * model.get_parameter(each.name).element_size()
        gain = gains(tiling, bits=settings.bits, stored_bits=stored_bits)
        if gain.worth:
            weights[each.name] = TrainedWeight(each, tiling)
        else:
            passed.append(Passed(each.name, gain.reason))
    if not weights:
        reasons = (
            "; ".join(f"{each.name}: {each.reason}" for each in passed[:3]) or "it has none of two or more dimensions"
        )
        raise ConfigError(f"there is no weight of this network that SmartExchange can treat: {reasons}")
    return weights, tuple(passed)


def row_shares(weights: Mapping[str, TrainedWeight], settings: SmartExchangeSettings) -> dict[str, float]:
    """The share of its rows that each weight loses: the first pattern of `row_sparsity_of` that fits it, else `row_sparsity`."""
    shares = {}
    for name, weight in weights.items():
        fitting = (share for pattern, share in settings.row_sparsity_of.items() if fits(pattern, weight.found.names))
        shares[name] = next(fitting, settings.row_sparsity)
    return shares


def rows_kept(weight: TrainedWeight, dense: Tensor, share: float, settings: SmartExchangeSettings) -> RowMask:
    """All rows but the `share` of the smallest, decided for `lock_step` filters at a time."""
    return without_share(dense, weight.tiling, share, group=settings.lock_step)


def filters_kept(model: nn.Module, weights: Mapping[str, TrainedWeight], share: float) -> dict[str, RowMask]:
    """Of each convolution with a BatchNorm of its own, all filters but the `share` of the least |gamma| (section III-D).

    The BatchNorm of a convolution is the one registered right after it in the same module. Raises `ConfigError` when no treated
    convolution has one.
    """
    gammas = _gammas(model)
    masks = {
        name: without_filters(weight.tiling, filters_by_gamma(gammas[module], share=share))
        for name, weight in weights.items()
        if len(gammas.get(module := name.rpartition(".")[0], ())) == weight.tiling.filters
    }
    if not masks:
        raise ConfigError(
            f"channel_share = {share}: no treated convolution has a BatchNorm right after it in its module; use row_sparsity"
        )
    return masks


def _gammas(model: nn.Module) -> dict[str, Tensor]:
    """By the name of the module before it: the scales of each BatchNorm."""
    gammas: dict[str, Tensor] = {}
    for parent_name, parent in model.named_modules():
        for (name, _), (_, after) in itertools.pairwise(parent.named_children()):
            if isinstance(after, _BatchNorm) and after.weight is not None:
                gammas[f"{parent_name}.{name}" if parent_name else name] = after.weight.detach()
    return gammas
