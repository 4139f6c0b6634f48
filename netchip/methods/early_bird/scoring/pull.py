"""Which parameters the pull acts on: the scored BatchNorm scales, or the filters where weights are scored."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from torch import nn

from netchip.graph.coupling import ChannelGroup
from netchip.graph.slicing import axis_length, layer_cut
from netchip.graph.wrappers import unwrapped
from netchip.methods.early_bird.scoring.slimming import (
    add_lasso_gradient,
    add_slimming_gradient,
    learning_rates,
    shrink_filters,
    shrink_scales,
)


class Pull(Protocol):
    """Makes channels small in any network with the searched layers, cut or not."""

    @property
    def names(self) -> tuple[str, ...]:
        """The layers it acts on."""
        ...

    def add_gradient(self, model: nn.Module, l1: float) -> None:
        """Adds the term's gradient; once an optimizer step, between backward and step."""
        ...

    def shrink(self, model: nn.Module, l1: float, optimizer: Any) -> None:
        """The term's proximal step at the optimizer's learning rates; once an optimizer step, after it."""
        ...


class ScalePull:
    """The L1 term on the scales of the BatchNorms `names`."""

    def __init__(self, groups: Sequence[ChannelGroup]) -> None:
        self.names = tuple(dict.fromkeys(name for group in groups for name in group.norms))

    def add_gradient(self, model: nn.Module, l1: float) -> None:
        """Adds l1 sign(gamma)."""
        add_slimming_gradient(self._norms(model), l1)

    def shrink(self, model: nn.Module, l1: float, optimizer: Any) -> None:
        """Soft-thresholds gamma."""
        shrink_scales(self._norms(model), l1, learning_rates(optimizer))

    def _norms(self, model: nn.Module) -> list[nn.Module]:
        inner = unwrapped(model)
        return [inner.get_submodule(name) for name in self.names]


class FilterPull:
    """The group lasso on the filters of every layer that makes a scored channel."""

    def __init__(self, groups: Sequence[ChannelGroup]) -> None:
        makers = (member.module for group in groups for member in group.members if member.axis == "out")
        self.names = tuple(dict.fromkeys(makers))

    def add_gradient(self, model: nn.Module, l1: float) -> None:
        """Adds l1 w / |w| for every filter w."""
        add_lasso_gradient(self._filters(model), l1)

    def shrink(self, model: nn.Module, l1: float, optimizer: Any) -> None:
        """Shortens every filter."""
        shrink_filters(self._filters(model), l1, learning_rates(optimizer))

    def _filters(self, model: nn.Module) -> list[tuple[nn.Parameter, int]]:
        inner = unwrapped(model)
        return [_made_by(inner.get_submodule(name)) for name in self.names]


def _made_by(layer: nn.Module) -> tuple[nn.Parameter, int]:
    """A layer's weight and the dimension that runs over what it makes."""
    dims = layer_cut(layer, {"out": np.arange(axis_length(layer, "out") or 0)}).tensors["weight"]
    return layer.get_parameter("weight"), next(iter(dims))


class Pulls:
    """Several pulls as one: scales here, filters where a group has none."""

    def __init__(self, pulls: Sequence[Pull]) -> None:
        self._pulls = tuple(pull for pull in pulls if pull.names)
        self.names = tuple(name for pull in self._pulls for name in pull.names)

    def add_gradient(self, model: nn.Module, l1: float) -> None:
        """Adds the gradient of each."""
        for pull in self._pulls:
            pull.add_gradient(model, l1)

    def shrink(self, model: nn.Module, l1: float, optimizer: Any) -> None:
        """Takes the proximal step of each."""
        for pull in self._pulls:
            pull.shrink(model, l1, optimizer)


def pulls(groups: Sequence[ChannelGroup], *, filters_only: bool) -> Pulls:
    """On the scales of groups that have them and on the filters of the others; or on the filters of all."""
    if filters_only:
        return Pulls([FilterPull(groups)])
    bare = [group for group in groups if not group.norms]
    return Pulls([ScalePull([group for group in groups if group.norms]), FilterPull(bare)])
