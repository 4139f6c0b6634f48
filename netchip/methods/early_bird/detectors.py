"""When is a mask stable? The two published rules, as pure functions of the masks drawn so far, oldest first.

The paper (section 3.2) keeps the last five distances between consecutive masks and stops when all are below eps.
The released code keeps five masks and stops when the newest lies within eps of each of the four before it: one mask
fewer, and stricter against slow drift. They are different rules, so both are here under their own names.
"""

import itertools
from collections.abc import Callable, Sequence

from netchip.methods.early_bird.mask_distance import Mask, mask_distance

Detector = Callable[[Sequence[Mask], float, int], bool]


def official_distances(masks: Sequence[Mask], window: int) -> list[float]:
    """Distances of the newest mask to each of the `window - 1` before it, oldest first."""
    recent = masks[-window:]
    return [mask_distance(recent[-1], old) for old in recent[:-1]]


def paper_distances(masks: Sequence[Mask], window: int) -> list[float]:
    """The last `window` distances between consecutive masks, oldest first."""
    recent = masks[-(window + 1) :]
    return [mask_distance(old, new) for old, new in itertools.pairwise(recent)]


def official(masks: Sequence[Mask], eps: float, window: int) -> bool:
    """True when `window` masks are there and the newest is within eps (inclusive) of all the others."""
    return len(masks) >= window and max(official_distances(masks, window)) <= eps


def paper(masks: Sequence[Mask], eps: float, window: int) -> bool:
    """True when `window` consecutive distances are there (window + 1 masks) and all are below eps (strictly)."""
    return len(masks) >= window + 1 and max(paper_distances(masks, window)) < eps


DETECTORS: dict[str, Detector] = {"official": official, "paper": paper}


def masks_needed(detector: str, window: int) -> int:
    """How many masks the rule looks at."""
    return window if detector == "official" else window + 1


def watched_distances(detector: str, masks: Sequence[Mask], window: int) -> list[float]:
    """The distances the rule compares with eps, as far as they are there; empty for the first mask."""
    if len(masks) < 2:
        return []
    return official_distances(masks, window) if detector == "official" else paper_distances(masks, window)
