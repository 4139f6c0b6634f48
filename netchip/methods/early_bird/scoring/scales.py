"""The BatchNorm scales of a network as one vector, read with one copy from the device, and their means over units."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from netchip.graph.coupling import ChannelGroup
from netchip.methods.early_bird.masks.ranking import Scores

UnitIndex = NDArray[np.int64]


def scale_names(model: nn.Module) -> tuple[str, ...]:
    """Every BatchNorm of `model` that has a scale, in module order: what the released code counts."""
    return tuple(
        name for name, module in model.named_modules() if isinstance(module, _BatchNorm) and module.weight is not None
    )


def frozen_scales(model: nn.Module, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the BatchNorms `names` whose scale takes no gradient."""
    return tuple(name for name in names if not model.get_submodule(name).get_parameter("weight").requires_grad)


def zero_scales(model: nn.Module, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the BatchNorms `names` whose scales are all zero: the last one of a residual branch in many recipes."""
    return tuple(name for name in names if not bool(model.get_submodule(name).get_parameter("weight").detach().any()))


def scale_parameters(model: nn.Module, names: Iterable[str]) -> list[nn.Parameter]:
    """The scale [C] of each BatchNorm in `names`."""
    return [model.get_submodule(name).get_parameter("weight") for name in names]


@torch.no_grad()
def flat_scales(model: nn.Module, names: Sequence[str]) -> Tensor:
    """|gamma| of the BatchNorms `names` one after another [sum of C], on the model's device."""
    return torch.cat([scale.detach().abs().flatten() for scale in scale_parameters(model, names)])


def as_scores(values: Tensor) -> Scores:
    """A vector from any device as float64 in NumPy."""
    return values.detach().cpu().double().numpy()


@dataclass(frozen=True, eq=False)
class UnitMeans:
    """Entry e of a flat vector counts with `weight[e]` for unit `unit[e]`; `entry[e]` is its place in the vector."""

    unit: UnitIndex
    entry: UnitIndex
    weight: Scores
    units: int

    def of(self, values: Scores) -> Scores:
        """The weighted sum of `values` for every unit [units]."""
        return np.bincount(self.unit, self.weight * values[self.entry], self.units).astype(np.float64, copy=False)


def unit_means(groups: Sequence[ChannelGroup], sizes: dict[str, int], *, without: Iterable[str] = ()) -> UnitMeans:
    """The mean over the BatchNorms of each unit's group, and over the unit's channels in each; `sizes` maps name to C.

    BatchNorms in `without` are left out where their group has others.
    """
    starts = dict(zip(sizes, np.cumsum((0, *sizes.values()))[:-1], strict=True))
    left_out, units, entries, weights, first = set(without), [], [], [], 0
    for group in groups:
        members = [member for member in group.members if member.module in group.norms]
        members = [member for member in members if member.module not in left_out] or members
        for member in members:
            channels = member.index.shape[1]
            units.append(np.repeat(np.arange(first, first + group.units), channels))
            entries.append(starts[member.module] + member.index.ravel())
            weights.append(np.full(member.index.size, 1.0 / (channels * len(members))))
        first += group.units
    return UnitMeans(np.concatenate(units), np.concatenate(entries), np.concatenate(weights), first)
