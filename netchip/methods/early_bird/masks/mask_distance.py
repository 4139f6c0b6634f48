"""The distance between two channel masks: the share of channels on which they disagree (Early-Bird, section 3.1)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def mask_distance(first: Mask, second: Mask) -> float:
    """Normalised Hamming distance in [0, 1] of two masks of shape [C].

    One flat vector over all layers, so a layer of 512 channels weighs 32 times one of 16.
    At ratio p two random masks lie 2p(1-p) apart on average, and no two lie more than 2 min(p, 1-p) apart.

    Raises `ValueError` when the shapes differ.

    >>> float(mask_distance(np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)))
    0.5
    """
    if first.shape != second.shape:
        raise ValueError(f"masks of {first.shape} and {second.shape} channels cannot be compared")
    return float(np.count_nonzero(first != second)) / first.size


def distance_matrix(masks: Sequence[Mask]) -> NDArray[np.float64]:
    """All pairs at once: masks [E, C] -> symmetric distances [E, E], zero on the diagonal."""
    stacked = np.stack(masks).astype(np.float64)
    kept = stacked.sum(1)
    return (kept[:, None] + kept[None, :] - 2.0 * stacked @ stacked.T) / stacked.shape[1]


def normalized_distance(first: Mask, second: Mask) -> float:
    """The mask distance in units of what two random masks of the same ratio p lie apart, 2p(1-p); 1 is no better than chance.

    p is read off the first mask; masks that keep all or nothing have no random level and lie 0 apart when equal, else 1.
    """
    kept = float(np.count_nonzero(first)) / first.size
    random_level = 2.0 * kept * (1.0 - kept)
    distance = mask_distance(first, second)
    return distance / random_level if random_level else float(distance > 0)


def width_distance(first: Mask, second: Mask, sizes: Sequence[int]) -> float:
    """How differently two masks spend their channels: the mean over layers of |a - b| / (a + b), a and b the channels kept.

    In [0, 1]; 0 as soon as every layer keeps as many, whichever they are. Layers follow one another in the mask with `sizes`
    channels each. Comparing widths over epochs is the idea of PaT (CVPR 2022); this form of it is ours.
    """
    starts = np.cumsum([0, *sizes[:-1]])
    a, b = (np.add.reduceat(mask.astype(np.float64), starts) for mask in (first, second))
    return float(np.mean(np.abs(a - b) / np.maximum(a + b, 1.0)))
