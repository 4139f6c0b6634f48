"""Mirroring and turning of a batch of inputs and targets alike, as each crop's random word says."""

from typing import Literal

import numpy as np

AugmentName = Literal["none", "flip", "dihedral"]


def turned(images: np.ndarray, words: np.ndarray, augment: AugmentName) -> np.ndarray:
    """`images` [B, C, S, S'] changed as their `words` (uint64 [B]) say: the same for a crop of any size, so for its target too.

    "flip" mirrors left to right; "dihedral" also upside down, and swaps rows and columns (squares only).
    """
    if augment == "none":
        return images
    changed = images.copy()
    changed[_bit(words, 0)] = changed[_bit(words, 0)][..., ::-1]
    if augment == "dihedral":
        changed[_bit(words, 1)] = changed[_bit(words, 1)][..., ::-1, :]
        changed[_bit(words, 2)] = changed[_bit(words, 2)].swapaxes(2, 3)
    return changed


def _bit(words: np.ndarray, place: int) -> np.ndarray:
    return (words >> np.uint64(place) & np.uint64(1)).astype(bool)
