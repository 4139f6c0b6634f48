"""Which channels of a network go together, which can go at all, and why the others stay.

Two convolutions are cut together when some operation needs the same channels from both (a shortcut's addition, a
gate) or one reads what the other makes. Which those are is followed through the traced network position by position
(`closure`), then tried: a group whose trial cut does not equal the masked network is left alone.
"""

from typing import Any

import numpy as np
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from netchip.graph.closure import Layer, Unit, coupled_units
from netchip.graph.groups import ChannelGroup, Coupling, LeftAlone, Member
from netchip.graph.placing import placed
from netchip.graph.rebinding import named_tensors, refuse_wrappers
from netchip.graph.slicing import axis_length
from netchip.graph.tracing import Trace, trace
from netchip.graph.trial import failing_groups

__all__ = ["ChannelGroup", "Coupling", "LeftAlone", "Member", "channel_groups"]


def channel_groups(model: nn.Module, example: Any, *, allow_inexact: bool = False) -> Coupling:
    """The channels of `model` that can be cut, in groups, found on `example`: a tensor, a tuple of arguments or a dict.

    The model is traced on a copy and not touched (mode, gradients, hooks, random state). With `allow_inexact` also
    groups are listed whose cut changes more than their removal would (under a LayerNorm, say); such cuts need
    `check=False`.

    Raises `GraphError` for wrapped models (DDP, FSDP, torch.compile) and models that cannot be copied or traced.

        coupling = channel_groups(model, torch.randn(1, 3, 32, 32))
        keep = {group.name: np.arange(group.units) < group.units // 2 for group in coupling.groups}
        cut(model, plan(coupling, keep), optimizer=optimizer, example=images)
    """
    refuse_wrappers(model)
    example = placed(example, model)
    traced = trace(model, example)
    names = _Names(traced)
    units = coupled_units(traced)
    candidates = names.coupling([unit for unit in units if _may_go(unit, allow_inexact)])
    failures = failing_groups(model, candidates, example, only_crashes=allow_inexact)
    groups = tuple(group for group in candidates.groups if group.name not in failures and group.units > 1)
    left = [names.left_alone(unit) for unit in units if not _may_go(unit, allow_inexact)]
    offered = {group.name for group in groups}
    left += [_left(group, failures.get(group.name)) for group in candidates.groups if group.name not in offered]
    return Coupling(groups, _merged(left), candidates.lengths, candidates.tensors)


def _may_go(unit: Unit, allow_inexact: bool) -> bool:
    return unit.ban is None or (allow_inexact and unit.ban.inexact)


class _Names:
    """From the layers of the traced copy to their names in the model, and from units to groups."""

    def __init__(self, traced: Trace) -> None:
        self._model = traced.model
        self._names: dict[int, list[str]] = {}
        for name, module in traced.model.named_modules(remove_duplicate=False):
            self._names.setdefault(id(module), []).append(name)
        for name, parameter in traced.model.named_parameters(remove_duplicate=False):
            self._names.setdefault(id(parameter), []).append(name)
        self._order = {key: place for place, key in enumerate(self._names)}

    def coupling(self, units: list[Unit]) -> Coupling:
        alike: dict[tuple[tuple[int, str, int], ...], list[Unit]] = {}
        for unit in units:
            alike.setdefault(self._signature(unit), []).append(unit)
        groups = [self._group(found) for found in alike.values()]
        groups.sort(key=lambda item: item[0])
        taken: dict[str, int] = {}
        named = tuple(self._named(group, taken) for _, group in groups)
        return Coupling(named, (), self._lengths(units), {n: tuple(t.shape) for n, t in named_tensors(self._model)})

    def left_alone(self, unit: Unit) -> LeftAlone:
        root = self._root(unit)
        reason = unit.ban.reason if unit.ban is not None else ""
        return LeftAlone(self._names[id(root[0])][0], len(unit.positions[root]), reason)

    def _signature(self, unit: Unit) -> tuple[tuple[int, str, int], ...]:
        return tuple(
            (self._order[id(layer)], axis, len(unit.positions[layer, axis])) for layer, axis in self._ordered(unit)
        )

    def _ordered(self, unit: Unit) -> list[tuple[Layer, str]]:
        places = {"out": 0, "channels": 1, "in": 2}
        return sorted(unit.positions, key=lambda port: (self._order[id(port[0])], places[port[1]]))

    def _root(self, unit: Unit) -> tuple[Layer, str]:
        return next(port for port in self._ordered(unit) if port[1] == "out")

    def _group(self, units: list[Unit]) -> tuple[tuple[int, int], ChannelGroup]:
        root = self._root(units[0])
        units = sorted(units, key=lambda unit: unit.positions[root])
        members = tuple(
            Member(
                module=self._names[id(layer)][0],
                axis=axis,  # type: ignore[arg-type]
                index=np.array([unit.positions[layer, axis] for unit in units], dtype=np.int64),
                aliases=tuple(self._names[id(layer)][1:]),
            )
            for layer, axis in self._ordered(units[0])
        )
        norms = tuple(self._names[id(layer)][0] for layer, _ in self._ordered(units[0]) if _has_scale(layer))
        group = ChannelGroup(self._names[id(root[0])][0], len(units), members, norms)
        return (self._order[id(root[0])], units[0].positions[root][0]), group

    def _named(self, group: ChannelGroup, taken: dict[str, int]) -> ChannelGroup:
        """Two groups of one layer (its halves go different ways): the second is called "layer#2"."""
        taken[group.name] = taken.get(group.name, 0) + 1
        count = taken[group.name]
        return group if count == 1 else ChannelGroup(f"{group.name}#{count}", group.units, group.members, group.norms)

    def _lengths(self, units: list[Unit]) -> dict[tuple[str, str], int]:
        ports = {port for unit in units for port in unit.positions}
        ordered = sorted(ports, key=lambda port: (self._order[id(port[0])], port[1]))
        return {(self._names[id(layer)][0], axis): axis_length(layer, axis) or 0 for layer, axis in ordered}


def _has_scale(layer: Layer) -> bool:
    return isinstance(layer, _BatchNorm) and layer.affine


def _left(group: ChannelGroup, failure: str | None) -> LeftAlone:
    channels = sum(member.index.size for member in group.members[:1])
    if failure is None:
        return LeftAlone(group.name, channels, "can only go all together, which would leave nothing")
    return LeftAlone(group.name, channels, f"are used in a way that a cut does not follow: {failure}")


def _merged(found: list[LeftAlone]) -> tuple[LeftAlone, ...]:
    counts: dict[tuple[str, str], int] = {}
    for left in found:
        counts[left.name, left.reason] = counts.get((left.name, left.reason), 0) + left.channels
    return tuple(LeftAlone(name, channels, reason) for (name, reason), channels in counts.items())
