"""Which channels stay: an exact global top-k over all groups, with a minimum in each (Early-Bird, section 3.1).

The scores are sorted once; a mask for any number of channels is then read off that one order.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netchip.errors import ConfigError
from netchip.methods.early_bird.masks.mask_distance import Mask

Scores = NDArray[np.float64]
Widths = NDArray[np.int64]


@dataclass(frozen=True)
class PruneSpace:
    """What can go: groups of `sizes` units, each of which stands for `channels` channels of its first layer.

    Every group keeps at least the share `min_share` of its units, and never none. With `round_to` above 1 the channels a
    group keeps are a multiple of it (or all of them, where the group itself is none).
    """

    sizes: tuple[int, ...]
    min_share: float = 0.0
    round_to: int = 1
    channels: tuple[int, ...] = ()

    @property
    def units(self) -> int:
        """All units, over all groups."""
        return sum(self.sizes)

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """The group of each unit [units]."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def least(self) -> Widths:
        """The fewest units each group keeps, before rounding [groups]."""
        return np.array([max(1, math.ceil(size * self.min_share - 1e-9)) for size in self.sizes], dtype=np.int64)

    @cached_property
    def smallest(self) -> Widths:
        """The fewest units each group can keep in a mask, rounding included [groups]."""
        return self.rounded(self.least)

    def rounded(self, widths: Widths) -> Widths:
        """`widths` [..., groups] to the nearest that `round_to` allows, never below the minimum and never growing past a group."""
        if self.round_to == 1:
            return widths
        sizes, steps = np.array(self.sizes), self._steps
        nearest = np.floor(widths / steps + 0.5).astype(np.int64) * steps
        lowest = np.minimum(-(-self.least // steps) * steps, sizes)
        return np.clip(nearest, lowest, sizes)

    @cached_property
    def _steps(self) -> Widths:
        """Units whose channels are the smallest multiple of `round_to`."""
        return np.array(
            [self.round_to // math.gcd(self.round_to, each) for each in self.channels or (1,) * len(self.sizes)],
            dtype=np.int64,
        )


def channels_kept(space: PruneSpace, ratio: float) -> int:
    """How many of all units stay when the share `ratio` goes: round(C (1 - ratio))."""
    return round(space.units * (1.0 - ratio))


def check_share(ratio: float) -> None:
    """Raises `ConfigError` when `ratio` is no share of channels."""
    if not 0.0 < ratio < 1.0:
        raise ConfigError(f"ratio = {ratio}: it is the share of channels to remove, between 0 and 1 (both excluded)")


def check_ratio(space: PruneSpace, ratio: float) -> None:
    """Raises `ConfigError` when `ratio` is no share, or leaves groups below their minimum width."""
    check_share(ratio)
    minimum, total = int(space.least.sum()), space.units
    if channels_kept(space, ratio) < minimum:
        raise ConfigError(
            f"ratio = {ratio} would keep {channels_kept(space, ratio)} of {total} channels, but {len(space.sizes)} groups "
            f"need at least {minimum} (min_share = {space.min_share}), else a layer is emptied; "
            f"use a ratio of at most {1 - minimum / total:.3f} or a smaller min_share"
        )


class Ranking:
    """The units of `space` in the order of their scores [units], sorted once for every number of units to keep.

    Each group's own best `least` come first; the rest follow wherever they are. Ties go to the earlier group, then to the
    earlier channel, so masks are deterministic and exact where a threshold would remove every channel that ties with it.
    """

    def __init__(self, space: PruneSpace, scores: Scores) -> None:
        self.space = space
        falling = np.argsort(-scores, kind="stable")
        grouped = falling[np.argsort(space.owner[falling], kind="stable")]
        starts = np.cumsum((0, *space.sizes[:-1]))
        self._place = np.empty(space.units, dtype=np.int64)  # of each unit inside its group
        self._place[grouped] = np.arange(space.units) - np.repeat(starts, space.sizes)
        safe = self._place < space.least[space.owner]
        self._order = np.concatenate([falling[safe[falling]], falling[~safe[falling]]])

    def widths(self, count: int) -> Widths:
        """The units each group keeps [groups] when `count` stay in all, rounded as the space wants."""
        kept = np.bincount(self.space.owner[self._order[:count]], minlength=len(self.space.sizes))
        return self.space.rounded(kept)

    def mask(self, count: int) -> Mask:
        """The mask [units] of the `count` best, or as near to that as rounding and the minimum widths allow."""
        return self._place < self.widths(count)[self.space.owner]
