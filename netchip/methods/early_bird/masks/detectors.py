"""When is a mask stable? Rules as pure functions of the masks drawn so far, oldest first.

The paper (section 3.2) keeps the last five distances between consecutive masks and stops when all are below eps.
The released code keeps five masks and stops when the newest lies within eps of each of the four before it: one mask
fewer, and stricter against slow drift. They are different rules, so both are here under their own names. Two more
compare the newest with those before it as the code does, but measure otherwise: `normalized` in units of what two random
masks lie apart, so that eps means the same at every ratio; `widths` by how many channels each layer keeps, whichever.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netchip.methods.early_bird.masks.mask_distance import Mask, mask_distance, normalized_distance, width_distance

Sizes = Sequence[int]
Distance = Callable[[Mask, Mask, Sizes], float]


@dataclass(frozen=True)
class Rule:
    """How the masks of a window are compared: the distance, which pairs, whether eps itself still counts as stable.

    `consecutive` rules look at `window` distances between neighbours, the others at `window` masks, newest against the rest.
    `largest(ratio)` is the distance that no two masks of that ratio exceed.
    """

    distance: Distance
    consecutive: bool
    eps_included: bool
    largest: Callable[[float], float]

    def masks_needed(self, window: int) -> int:
        """How many masks the rule looks at."""
        return window + 1 if self.consecutive else window

    def distances(self, masks: Sequence[Mask], window: int, sizes: Sizes) -> list[float]:
        """What is compared with eps, oldest first, as far as it is there: nothing for the first mask."""
        recent = masks[-self.masks_needed(window) :]
        if self.consecutive:
            return [self.distance(old, new, sizes) for old, new in itertools.pairwise(recent)]
        return [self.distance(old, recent[-1], sizes) for old in recent[:-1]]

    def stable(self, masks: Sequence[Mask], eps: float, window: int, sizes: Sizes) -> bool:
        """True when the window is full and every distance in it is below eps (or equal, where the rule includes it)."""
        if len(masks) < self.masks_needed(window):
            return False
        worst = max(self.distances(masks, window, sizes))
        return worst <= eps if self.eps_included else worst < eps


def _flat(old: Mask, new: Mask, sizes: Sizes) -> float:
    return mask_distance(old, new)


def _normalized(old: Mask, new: Mask, sizes: Sizes) -> float:
    return normalized_distance(old, new)


def _largest_flat(ratio: float) -> float:
    return 2.0 * min(ratio, 1.0 - ratio)


def _largest_normalized(ratio: float) -> float:
    return 1.0 / max(ratio, 1.0 - ratio)


def _one(ratio: float) -> float:
    return 1.0


RULES: dict[str, Rule] = {
    "official": Rule(_flat, consecutive=False, eps_included=True, largest=_largest_flat),
    "paper": Rule(_flat, consecutive=True, eps_included=False, largest=_largest_flat),
    "normalized": Rule(_normalized, consecutive=False, eps_included=True, largest=_largest_normalized),
    "widths": Rule(width_distance, consecutive=False, eps_included=True, largest=_one),
}
