"""How much each unit of channels matters: |gamma| (the paper), group L2, Taylor, or at random as a control.

Every importance gives one score a unit, over all groups in their order. The larger the score, the longer it stays.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.graph.coupling import ChannelGroup, Member
from netchip.graph.slicing import axis_length, layer_cut
from netchip.methods.early_bird.masks.ranking import Scores
from netchip.methods.early_bird.scoring.scales import (
    UnitMeans,
    as_scores,
    flat_scales,
    scale_parameters,
    unit_means,
    zero_scales,
)

ImportanceName = Literal["gamma", "l2", "taylor", "random"]


class Importance(Protocol):
    """Scores the units of a network; `observe` sees every optimizer step, `scores` is asked at every check."""

    def observe(self, model: nn.Module, gradient_scale: float) -> None:
        """Takes note of a step, between backward and step; gradients are multiplied by `gradient_scale`."""
        ...

    def scores(self, model: nn.Module, check: int) -> Scores:
        """The score of each unit [units] at the check of that number, counted from 1."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What a resumed search needs."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        ...


def make_importance(name: ImportanceName, model: nn.Module, groups: Sequence[ChannelGroup], *, seed: int) -> Importance:
    """The importance of that name for the units of `groups`."""
    if name == "l2":
        return GroupL2(groups)
    if name == "random":
        return AtRandom(sum(group.units for group in groups), seed)
    return Gamma(model, groups) if name == "gamma" else Taylor(model, groups)


class Gamma:
    """Mean |gamma| over the BatchNorms that carry a unit (network slimming, arXiv 1708.06519; Early-Bird, section 3.1).

    A BatchNorm whose scales all start at zero (the last of a residual branch in many recipes) lags behind the others for
    a reason that has nothing to do with its channels. It does not count where the unit has others; a group that has only
    such is measured in units of its own mean.
    """

    def __init__(self, model: nn.Module, groups: Sequence[ChannelGroup]) -> None:
        self._groups = groups
        self._sizes = _scale_sizes(model, groups)
        self._set_late(zero_scales(model, self._sizes))

    def observe(self, model: nn.Module, gradient_scale: float) -> None:
        """Nothing: the scales say it all."""

    def scores(self, model: nn.Module, check: int) -> Scores:
        """Mean |gamma| [units]."""
        return self._means.of(self._levelled(as_scores(flat_scales(model, tuple(self._sizes)))))

    def state_dict(self) -> dict[str, Any]:
        """Which BatchNorms started at zero; a network in training no longer shows it."""
        return {"started_at_zero": list(self._late)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up which started at zero."""
        self._set_late(tuple(state["started_at_zero"]))

    def _set_late(self, names: Sequence[str]) -> None:
        self._late = tuple(names)
        self._means: UnitMeans = unit_means(self._groups, self._sizes, without=names)

    def _levelled(self, scales: Scores) -> Scores:
        """The scales that started at zero, brought to the mean of the others."""
        if not self._late:
            return scales
        parts = dict(zip(self._sizes, np.split(scales, np.cumsum(list(self._sizes.values()))[:-1]), strict=True))
        others = [part for name, part in parts.items() if name not in self._late]
        level = float(np.concatenate(others).mean()) if others else 1.0
        for name in self._late:
            mean = float(parts[name].mean())
            parts[name] = parts[name] * (level / mean) if mean > 0 else np.full_like(parts[name], level)
        return np.concatenate(list(parts.values()))


class GroupL2:
    """Root mean square of a unit's weights in every layer that makes or reads it, in units of the mean of its group.

    Needs no normalisation layer. Dividing by the group's mean makes layers of different fan-in comparable, as in the
    group-level pruning of arXiv 2301.12900.
    """

    def __init__(self, groups: Sequence[ChannelGroup]) -> None:
        self._groups = groups

    def observe(self, model: nn.Module, gradient_scale: float) -> None:
        """Nothing: the weights say it all."""

    @torch.no_grad()
    def scores(self, model: nn.Module, check: int) -> Scores:
        """Relative root mean square [units]."""
        found = [[_unit_means(model, member, torch.square) for member in _weighted(group)] for group in self._groups]
        flat = as_scores(torch.cat([torch.stack(values).mean(0).sqrt() for values in found]))
        parts = np.split(flat, np.cumsum([group.units for group in self._groups])[:-1])
        return np.concatenate([part / part.mean() if part.any() else part for part in parts])

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take up."""


class Taylor:
    """How much the loss would change, to first order, without a unit: (sum of value x gradient)^2, mean over the steps.

    Values are the unit's BatchNorm scales, and where its group has none the weights that make it (arXiv 1906.10771).
    """

    def __init__(self, model: nn.Module, groups: Sequence[ChannelGroup]) -> None:
        self._groups = groups
        self._scaled = [group for group in groups if group.norms]
        self._sizes = _scale_sizes(model, self._scaled)
        self._index = _entries(self._scaled, self._sizes)
        self._sum: Tensor | None = None
        self._steps = 0

    @torch.no_grad()
    def observe(self, model: nn.Module, gradient_scale: float) -> None:
        """Adds this step's estimate, on the model's device."""
        squared = torch.cat([self._by_scales(model), *self._by_weights(model)]).div_(gradient_scale).square_()
        self._sum = squared if self._sum is None else self._sum.to(squared.device).add_(squared)
        self._steps += 1

    def scores(self, model: nn.Module, check: int) -> Scores:
        """The mean over the steps since the last check [units]. Raises `ConfigError` when there were none."""
        if self._sum is None:
            raise ConfigError(
                "importance 'taylor' reads gradients: call search.regularize() between backward and step, before the check"
            )
        mean = as_scores(self._sum) / self._steps
        self._sum, self._steps = None, 0
        order = [self._groups.index(group) for group in (*self._scaled, *self._bare)]
        parts = np.split(mean, np.cumsum([self._groups[at].units for at in order])[:-1])
        return np.concatenate([part for _, part in sorted(zip(order, parts, strict=True), key=lambda item: item[0])])

    def state_dict(self) -> dict[str, Any]:
        """The sum over the steps since the last check."""
        return {"sum": None if self._sum is None else self._sum.cpu(), "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up the sum."""
        self._sum, self._steps = state["sum"], int(state["steps"])

    @property
    def _bare(self) -> list[ChannelGroup]:
        return [group for group in self._groups if not group.norms]

    def _by_scales(self, model: nn.Module) -> Tensor:
        scales = scale_parameters(model, self._sizes)
        if not scales:
            return torch.zeros(0, device=next(model.parameters()).device)
        flat = torch.cat([_product(scale) for scale in scales])
        self._index = entry, unit = self._index[0].to(flat.device), self._index[1].to(flat.device)
        units = sum(group.units for group in self._scaled)
        return flat.new_zeros(units).index_add_(0, unit, flat[entry])

    def _by_weights(self, model: nn.Module) -> list[Tensor]:
        return [
            torch.stack([_unit_sums(model, member) for member in group.members if member.axis == "out"]).sum(0)
            for group in self._bare
        ]


class AtRandom:
    """Scores drawn anew at every check, so that no mask is ever stable: what a detector must not fire on."""

    def __init__(self, units: int, seed: int) -> None:
        self._units, self._seed = units, seed

    def observe(self, model: nn.Module, gradient_scale: float) -> None:
        """Nothing."""

    def scores(self, model: nn.Module, check: int) -> Scores:
        """Uniform in [0, 1) [units], the same for the same seed and check."""
        return np.random.default_rng((self._seed, check)).random(self._units)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: seed and check say it all."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take up."""


def _scale_sizes(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, int]:
    names = dict.fromkeys(name for group in groups for name in group.norms)
    return {name: model.get_submodule(name).get_parameter("weight").numel() for name in names}


def _entries(groups: Sequence[ChannelGroup], sizes: dict[str, int]) -> tuple[Tensor, Tensor]:
    """Every scale of every unit: places in the flat vector, and the unit each belongs to."""
    if not groups:
        return torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    means = unit_means(groups, sizes)
    return torch.from_numpy(means.entry), torch.from_numpy(means.unit)


def _weighted(group: ChannelGroup) -> list[Member]:
    """The layers whose weights belong to a unit: what makes it and what reads it."""
    return [member for member in group.members if member.axis in ("out", "in")]


def _product(parameter: nn.Parameter) -> Tensor:
    gradient = parameter.grad
    return torch.zeros_like(parameter).flatten() if gradient is None else (parameter.detach() * gradient).flatten()


def _unit_means(model: nn.Module, member: Member, change: Any) -> Tensor:
    """The mean of `change(weight)` over all weights of each unit [units]."""
    weight, dim, length = _kernel(model, member)
    others = [at for at in range(weight.ndim) if at != dim]
    return _of_units(change(weight).mean(others) if others else change(weight), member, length)


def _unit_sums(model: nn.Module, member: Member) -> Tensor:
    """The sum of weight x gradient over all weights of each unit [units]."""
    weight, dim, length = _kernel(model, member)
    gradient = weight.grad if weight.grad is not None else torch.zeros_like(weight)
    others = [at for at in range(weight.ndim) if at != dim]
    return _of_units((weight.detach() * gradient).sum(others), member, length) * member.index.shape[1]


def _kernel(model: nn.Module, member: Member) -> tuple[nn.Parameter, int, int]:
    """A layer's weight, the dimension that the member's axis is of it, and how many positions the axis has."""
    layer = model.get_submodule(member.module)
    length = axis_length(layer, member.axis) or 0
    dims = layer_cut(layer, {member.axis: np.arange(length)}).tensors["weight"]
    return layer.get_parameter("weight"), next(iter(dims)), length


def _of_units(values: Tensor, member: Member, length: int) -> Tensor:
    """Values along a weight's dimension, shared by the groups of a grouped convolution, as the mean of each unit [units]."""
    positions = torch.as_tensor(member.index, device=values.device) % len(values)
    return values[positions].mean(1)
