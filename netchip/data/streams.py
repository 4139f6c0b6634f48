"""Random words that are a pure function of their key, the same on every machine and NumPy version.

Only the raw output of PCG64 is used: NumPy keeps that stream stable, while its `permutation` and `integers` may change.
"""

import hashlib

import numpy as np


def random_words(count: int, *key: int) -> np.ndarray:
    """`count` uniform 64-bit words (uint64 [count]) for a key of integers >= 0."""
    digest = hashlib.sha256(repr(key).encode()).digest()  # SeedSequence alone takes (1,) and (1, 0) for the same
    return np.random.PCG64(np.random.SeedSequence(int.from_bytes(digest, "little"))).random_raw(count)


def permutation(count: int, *key: int) -> np.ndarray:
    """A random order of 0..count-1 (int64 [count]) for a key of integers >= 0."""
    return np.argsort(random_words(count, *key), kind="stable")
