"""Which weights are treated, cut into which blocks, and which of their rows go."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.choosing import gains, tiling_for
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


def rows_kept(weight: TrainedWeight, dense: Tensor, share: float) -> Tensor:
    """[blocks, rows], bool: False for the `share` of rows of the smallest norm; of equal ones the first goes."""
    norms = weight.tiling.to_blocks(dense.detach()).norm(dim=2)
    real = weight.tiling.row_is_real(norms.device)
    order = norms.masked_fill(~real, torch.inf).flatten().argsort(stable=True)
    kept = torch.ones_like(order, dtype=torch.bool)
    kept[order[: round(share * weight.tiling.real_rows)]] = False
    return kept.reshape(norms.shape)
