"""Masks as the released code draws them: every BatchNorm channel counts, and a strict threshold decides (its main.py)."""

import numpy as np

from netchip.methods.early_bird.masks.mask_distance import Mask
from netchip.methods.early_bird.masks.ranking import PruneSpace, Scores, check_share


def official_threshold(scales: Scores, ratio: float) -> float:
    """The |gamma| at index floor(C ratio) of the C sorted ones; only what is larger stays. Raises `ConfigError` for no share."""
    check_share(ratio)
    return float(np.sort(scales)[int(scales.size * ratio)])


def official_mask(scales: Scores, ratio: float) -> Mask:
    """|gamma| [C] of every BatchNorm in module order -> mask [C]: strictly above the threshold, so all that tie with it go.

    Keeps C - floor(C ratio) - 1 when all scales differ, and none when all are equal.
    """
    return scales > official_threshold(scales, ratio)


def official_units(space: PruneSpace, scores: Scores, threshold: float) -> Mask:
    """The units [units] of the groups whose score is above `threshold`; a group that would lose more keeps its best `least`.

    The released code empties such layers, which breaks its copying of weights, or keeps the first channel.
    """
    masks = []
    for group, low in zip(np.split(scores, np.cumsum(space.sizes)[:-1]), space.least, strict=True):
        best = np.zeros(group.size, dtype=bool)
        best[np.argsort(-group, kind="stable")[: int(low)]] = True
        masks.append(best | (group > threshold))
    return np.concatenate(masks)
