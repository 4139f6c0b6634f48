"""Which channels stay: an exact global top-k over all groups, with a minimum in each (Early-Bird, section 3.1)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netchip.errors import ConfigError
from netchip.methods.early_bird.mask_distance import Mask

Scores = NDArray[np.float64]


def channels_kept(sizes: Sequence[int], ratio: float) -> int:
    """How many of all channels stay when the share `ratio` goes: round(C (1 - ratio))."""
    return round(sum(sizes) * (1.0 - ratio))


def minimum_widths(sizes: Sequence[int], min_share: float) -> list[int]:
    """The fewest channels each group keeps: at least `min_share` of it, and never none."""
    return [max(1, int(np.ceil(size * min_share - 1e-9))) for size in sizes]


def check_ratio(sizes: Sequence[int], ratio: float, min_share: float) -> None:
    """Raises `ConfigError` when `ratio` is no share, or leaves groups below their minimum width."""
    if not 0.0 < ratio < 1.0:
        raise ConfigError(f"ratio = {ratio}: it is the share of channels to remove, between 0 and 1 (both excluded)")
    minimum, total = sum(minimum_widths(sizes, min_share)), sum(sizes)
    if channels_kept(sizes, ratio) < minimum:
        raise ConfigError(
            f"ratio = {ratio} would keep {channels_kept(sizes, ratio)} of {total} channels, but {len(sizes)} groups need "
            f"at least {minimum} (min_share = {min_share}), else a layer is emptied; "
            f"use a ratio of at most {1 - minimum / total:.3f} or a smaller min_share"
        )


def top_channels(scores: Sequence[Scores], ratio: float, min_share: float = 0.0) -> list[Mask]:
    """Masks [n_g] that keep exactly round(C (1 - ratio)) of the C channels with the largest scores [n_g], over all groups.

    Each group first keeps its own best `minimum_widths`; what is left of the budget goes to the best of the rest
    wherever they are. Ties go to the earlier group, then to the earlier channel, so the result is deterministic and exact
    where a threshold would remove every channel that ties with it. Raises `ConfigError` as `check_ratio` does.
    """
    sizes = [score.size for score in scores]
    check_ratio(sizes, ratio, min_share)
    flat = np.concatenate(scores)
    safe = np.concatenate([_best(s, k) for s, k in zip(scores, minimum_widths(sizes, min_share), strict=True)])
    order = np.lexsort((-flat, ~safe))  # the protected first, then by falling score; stable, so ties keep their order
    keep = np.zeros(flat.size, dtype=bool)
    keep[order[: channels_kept(sizes, ratio)]] = True
    return list(np.split(keep, np.cumsum(sizes)[:-1]))


def _best(score: Scores, count: int) -> Mask:
    chosen = np.zeros(score.size, dtype=bool)
    chosen[np.argsort(-score, kind="stable")[:count]] = True
    return chosen
