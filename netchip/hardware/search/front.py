"""Which of many points no other is at least as good as in everything."""

import numpy as np

_AT_ONCE = 256


def undominated(values: np.ndarray) -> np.ndarray:
    """Indices, rising, of the columns of `values` [D, M] that no other is below or equal to in every row; one of equal ones."""
    if values.shape[1] == 0:
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort((*values[::-1], values.sum(0)))  # a column is dominated only by ones before it
    kept = np.zeros((values.shape[0], 0))
    found: list[np.ndarray] = []
    for start in range(0, len(order), _AT_ONCE):
        index = order[start : start + _AT_ONCE]
        fresh = ~_dominated(values[:, index], kept)
        index = index[fresh]
        inside = _below(values[:, index], values[:, index])
        index = index[~np.triu(inside, 1).any(0)]
        found.append(index)
        kept = np.concatenate([kept, values[:, index]], axis=1)
    return np.sort(np.concatenate(found))


def _dominated(points: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Which of `points` [D, N] have one of `by` [D, K] at or below them in everything."""
    return np.asarray(_below(by, points).any(0))


def _below(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Whether each of `lower` [D, K] is at or below each of `upper` [D, N] in everything, [K, N]."""
    below = np.ones((lower.shape[1], upper.shape[1]), dtype=bool)
    for own, other in zip(lower, upper, strict=True):
        below &= own[:, None] <= other[None, :]
    return below
