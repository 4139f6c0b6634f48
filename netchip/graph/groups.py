"""The values coupling hands out: groups of channels that go together, and channels that are left alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from netchip.errors import GraphError
from netchip.graph.slicing import Axis


@dataclass(frozen=True, eq=False)
class Member:
    """One axis of one layer in a group: unit u owns the positions `index[u]`, shape [units, positions of a unit].

    `module` is the layer's name, for a bare parameter (a LayerScale) its own; `aliases` are its further names.
    """

    module: str
    axis: Axis
    index: np.ndarray
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ChannelGroup:
    """Units that can be removed one by one, each from all `members` at once.

    A unit is the smallest set of channels that must go together: one channel mostly, the same offset of every group
    of a grouped convolution, a whole group of a GroupNorm. `norms` names the members that are BatchNorms with a scale.

    A group that `selects` cuts nothing but what one layer reads: its members are that layer's "in" and the BatchNorms
    whose scales score the units (see `streams`). Whoever makes the channels keeps them all.
    """

    name: str
    units: int
    members: tuple[Member, ...]
    norms: tuple[str, ...]
    selects: bool = False


@dataclass(frozen=True)
class LeftAlone:
    """Channels made by the layer `name` that are not cut, how many, and why: "these channels" + `reason`."""

    name: str
    channels: int
    reason: str


@dataclass(frozen=True, eq=False)
class Coupling:
    """The channel groups of one architecture; `lengths` and `tensors` describe it for a plan that outlives it."""

    groups: tuple[ChannelGroup, ...]
    left_alone: tuple[LeftAlone, ...]
    lengths: Mapping[tuple[str, str], int] = field(repr=False)
    tensors: Mapping[str, tuple[int, ...]] = field(repr=False)

    def group(self, name: str) -> ChannelGroup:
        """The group of that name; raises `GraphError` when there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise GraphError(
            f"there is no channel group {name!r}; there are {', '.join(g.name for g in self.groups) or 'none'}"
        )
