"""Stratified splits as pure functions of the labels: fixed by split seed 0, whatever the seed of a run."""

import numpy as np

from netchip.data.streams import permutation
from netchip.errors import DataError

SPLIT_SEED = 0
HELD_OUT_SHARE = 0.2  # of each class, for the validation and for the test part where a source does not name them


def hold_out(labels: np.ndarray, parts: int = 2) -> list[np.ndarray]:
    """Holds 20 % of each class out `parts` times: [rest, held out 1, ...], each int64 indices in a mixed order.

    `labels` int64 [n]. Every part gets at least one image of each class; raises `DataError` when a class has too few.
    """
    pieces: list[list[np.ndarray]] = [[] for _ in range(parts + 1)]
    for members in _by_class(labels):
        held = max(1, round(HELD_OUT_SHARE * len(members)))
        if len(members) <= parts * held:
            raise DataError(f"a class has {len(members)} images; {parts + 1} parts need {parts + 1} of each class")
        start = len(members) - parts * held
        for piece, chosen in zip(pieces, np.split(members, range(start, len(members), held)), strict=True):
            piece.append(chosen)
    return [_mixed(np.concatenate(piece)) for piece in pieces]


def take(labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Exactly `count` indices that keep the shares of the classes, and the others (int64, in a mixed order).

    Quotas are by largest remainder. Raises `DataError` when there are fewer than `count` labels.
    """
    if count > len(labels):
        raise DataError(f"{count:,} images were asked for, but there are only {len(labels):,}")
    classes = _by_class(labels)
    quotas = _quotas(np.array([len(members) for members in classes]), count)
    taken = np.concatenate([members[:quota] for members, quota in zip(classes, quotas, strict=True)])
    others = np.concatenate([members[quota:] for members, quota in zip(classes, quotas, strict=True)])
    return _mixed(taken), _mixed(others)


def _by_class(labels: np.ndarray) -> list[np.ndarray]:
    """The indices of each class that occurs, in a random order that depends on the class and the split seed only."""
    found = [(int(label), np.flatnonzero(labels == label)) for label in np.unique(labels)]
    return [members[permutation(len(members), SPLIT_SEED, label)] for label, members in found]


def _quotas(sizes: np.ndarray, count: int) -> np.ndarray:
    exact = sizes * (count / sizes.sum())
    quotas = np.floor(exact).astype(np.int64)
    largest = np.argsort(quotas - exact, kind="stable")[: count - quotas.sum()]
    quotas[largest] += 1
    return quotas


def _mixed(indices: np.ndarray) -> np.ndarray:
    """Classes interleaved, so that the first images of a part are a fair sample of it."""
    return indices[permutation(len(indices), SPLIT_SEED)]
