"""Streams kept whole: instead of cutting a residual stream everywhere, each layer that reads it selects its own channels.

This is what Early-Bird's released code does with pre-activation ResNets (channel_selection in front of a convolution). It
removes less than cutting the coupled stream does, but every reader decides for itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from netchip.errors import GraphError
from netchip.graph.groups import ChannelGroup, Coupling, LeftAlone, Member
from netchip.graph.masked import channel_dim
from netchip.graph.placing import placed
from netchip.graph.rebinding import named_tensors, refuse_wrappers
from netchip.graph.relations import Link, relate
from netchip.graph.tracing import Node, Trace, trace
from netchip.graph.trial import failing_groups

Deciding = Mapping[str, frozenset[str]]
"""For each layer that reads a group, the names of the BatchNorms that decide for it; none where there are none."""


def keep_streams(model: nn.Module, example: Any, coupling: Coupling) -> Coupling:
    """The `coupling` of `model`, with groups that select in place of those that would cut a stream.

    The BatchNorms that decide for a reader of a group are the nearest ones, going back from what it reads to the first
    layer on every way. A group is a *stream* when several layers make its channels, or when not all of its readers have
    the same deciding BatchNorms. Each reader of a stream that has some gets a group of its own, named after it ("conv#2"
    where that name is taken), except where what it makes is itself added into a stream: a projection shortcut reads
    everything. All other groups stay as they are, and so do selecting ones.

    Raises `GraphError` for a coupling of another network, for wrapped models and for those that cannot be traced.

        coupling = keep_streams(model, images, channel_groups(model, images))
    """
    refuse_wrappers(model)
    _check_same_network(model, coupling)
    example = placed(example, model)
    norms = _NearestNorms(trace(model, example))
    deciding = {group.name: _deciding(group, norms) for group in coupling.groups}
    streams = {group.name for group in coupling.groups if _is_stream(group, deciding[group.name])}
    added = {maker.module for group in coupling.groups if _is_joined(group) for maker in _members(group, "out")}
    taken = {group.name for group in coupling.groups} - streams
    groups: list[ChannelGroup] = []
    left: list[LeftAlone] = []
    for group in coupling.groups:
        parts = [group] if group.name not in streams else _selecting(group, deciding[group.name], added, taken)
        groups += parts
        left += [] if parts else [_left(group, "belong to a residual stream that is kept whole")]
    return _tried(model, example, coupling, groups, left)


def _check_same_network(model: nn.Module, coupling: Coupling) -> None:
    own = {name: tuple(tensor.shape) for name, tensor in named_tensors(model)}
    for name, shape in coupling.tensors.items():
        if own.get(name) != shape:
            raise GraphError(
                f"the coupling is of another network: {name} is of shape {shape} there, and in this model "
                f"{own.get(name, 'there is none')}; make the coupling of this one with channel_groups(model, example)"
            )


def _members(group: ChannelGroup, axis: str) -> list[Member]:
    return [member for member in group.members if member.axis == axis]


def _deciding(group: ChannelGroup, norms: "_NearestNorms") -> Deciding:
    return {reader.module: norms.of(reader.module, group.norms) for reader in _members(group, "in")}


def _is_stream(group: ChannelGroup, deciding: Deciding) -> bool:
    return not group.selects and (_is_joined(group) or len(set(deciding.values())) > 1)


def _is_joined(group: ChannelGroup) -> bool:
    """Whether several layers make its channels, as those that a shortcut adds up do."""
    return len(_members(group, "out")) > 1


def _selecting(group: ChannelGroup, deciding: Deciding, added: set[str], taken: set[str]) -> list[ChannelGroup]:
    """One group for each reader of the stream `group` that is to select; names that they get are added to `taken`."""
    found: list[ChannelGroup] = []
    for reader in _members(group, "in"):
        chosen = deciding[reader.module]
        if chosen and reader.module not in added:
            members = (*(member for member in _members(group, "channels") if member.module in chosen), reader)
            names = tuple(name for name in group.norms if name in chosen)
            found.append(ChannelGroup(_unique(reader.module, taken), group.units, members, names, selects=True))
    return found


def _unique(name: str, taken: set[str]) -> str:
    count = 1
    while (given := name if count == 1 else f"{name}#{count}") in taken:
        count += 1
    taken.add(given)
    return given


def _left(group: ChannelGroup, reason: str) -> LeftAlone:
    return LeftAlone(group.name, sum(member.index.size for member in group.members[:1]), reason)


def _tried(
    model: nn.Module, example: Any, coupling: Coupling, groups: list[ChannelGroup], left: list[LeftAlone]
) -> Coupling:
    """The coupling with `groups`, but for those that select and whose trial cut is not what the mask is."""
    selecting = replace(coupling, groups=tuple(group for group in groups if group.selects))
    failures = failing_groups(model, selecting, example)
    left += [
        _left(group, f"are read in a way that a selection does not follow: {failures[group.name]}")
        for group in selecting.groups
        if group.name in failures
    ]
    sound = tuple(group for group in groups if group.name not in failures)
    return replace(coupling, groups=sound, left_alone=(*coupling.left_alone, *left))


class _NearestNorms:
    """From a reading layer back to the BatchNorms before it, through whatever keeps channels and is no layer."""

    def __init__(self, traced: Trace) -> None:
        self._layers = dict(traced.model.named_modules())
        self._names = {module: name for name, module in self._layers.items()}
        self._entries: dict[nn.Module, list[Node]] = {}
        self._distances: dict[str, dict[str, int]] = {}
        for node in traced.nodes:
            if node.enters is not None:
                self._entries.setdefault(node.enters, []).append(node)

    def of(self, reader: str, among: tuple[str, ...]) -> frozenset[str]:
        """The nearest of the BatchNorms `among` before the layer `reader`: one, several at equal distance, or none."""
        if reader not in self._distances:
            self._distances[reader] = self._walk(self._layers[reader])
        found = {name: far for name, far in self._distances[reader].items() if name in among}
        return frozenset(name for name, far in found.items() if far == min(found.values()))

    def _walk(self, reader: nn.Module) -> dict[str, int]:
        """The BatchNorms with a scale met first on each way back, and how many operations away."""
        places = [(node, len(node.shape) + channel_dim(reader)) for node in self._entries.get(reader, [])]
        seen, found, distance = set(places), dict[str, int](), 0
        while places:
            norms = [node.layer for node, dim in places if dim == 1 and _has_scale(node.layer)]
            for norm in norms:
                found.setdefault(self._names[norm], distance)
            before = dict.fromkeys(place for node, dim in places for place in self._before(node, dim))
            places = [place for place in before if place not in seen]
            seen.update(places)
            distance += 1
        return found

    def _before(self, node: Node, dim: int) -> Iterator[tuple[Node, int]]:
        """The operands of `node` that hold its dimension `dim`, and in which dimension of theirs."""
        if isinstance(node.layer, nn.PReLU) or (isinstance(node.layer, _BatchNorm) and not node.layer.affine):
            yield from ((entry, dim) for entry in self._entries.get(node.layer, []))
        elif node.layer is None:
            for edge in node.inputs:
                for source_dim in range(len(edge.step.source)):
                    relation = relate(edge.step, source_dim)
                    if isinstance(relation, Link) and relation.dim == dim:
                        yield edge.source, source_dim


def _has_scale(layer: nn.Module | None) -> TypeGuard[_BatchNorm]:
    return isinstance(layer, _BatchNorm) and layer.affine
