"""Which weights are treated, cut into which blocks, and which of their rows go."""

import itertools
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.baselines.model import dense_rest
from netchip.methods.smart_exchange.decomposition.choosing import gains, tiling_for
from netchip.methods.smart_exchange.decomposition.decompose import Settings
from netchip.methods.smart_exchange.decomposition.sparsity import (
    RowMask,
    filters_by_gamma,
    without_filters,
)
from netchip.methods.smart_exchange.decomposition.target import parse_target
from netchip.methods.smart_exchange.decomposition.targets import Rest, meet
from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings
from netchip.methods.smart_exchange.training.trained_weight import TrainedWeight
from netchip.methods.smart_exchange.training.treated import Passed, find_weights, fits
from netchip.units import BITS_PER_BYTE


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


def row_shares(
    model: nn.Module, dense: Mapping[str, Tensor], weights: Mapping[str, TrainedWeight], settings: SmartExchangeSettings
) -> dict[str, float]:
    """The share of its rows that each weight loses: by the first pattern of `row_sparsity_of` that fits it, else `row_sparsity`;
    or what the target asks for, judged on the `dense` weights.

    A target in bytes, as a ratio or as a share is of all tensors of `model`, the header of a file left out. Raises `BudgetError`
    for one that cannot be reached, with the nearest that can.
    """
    if settings.target is not None:
        return _shares_within(model, dense, weights, settings)
    shares = {}
    for name, weight in weights.items():
        fitting = (share for pattern, share in settings.row_sparsity_of.items() if fits(pattern, weight.found.names))
        shares[name] = next(fitting, settings.row_sparsity)
    return shares


def _shares_within(
    model: nn.Module, dense: Mapping[str, Tensor], weights: Mapping[str, TrainedWeight], settings: SmartExchangeSettings
) -> dict[str, float]:
    target = parse_target(settings.target or "")
    rest = Rest()
    if target.kind in ("ratio", "bytes", "share"):
        others = dense_rest(model, weights).values()
        bits = BITS_PER_BYTE * sum(other.numel() * other.element_size() for other in others)
        rest = Rest(weights=sum(other.numel() for other in others), bits=bits)
    found = meet(
        dense,
        {name: weight.tiling for name, weight in weights.items()},
        target,
        settings=Settings(
            bits=settings.bits,
            iterations=settings.warm_iterations,
            element_threshold=settings.element_threshold,
            quantise_basis=settings.quantise_basis,
        ),
        group=settings.lock_step,
        rest=rest,
    )
    return {name: 1.0 - int(each.kept_rows.sum()) / each.tiling.real_rows for name, each in found.items()}


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
