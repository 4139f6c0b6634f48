"""Small changes of designs, for searches that go from one to the next."""

import numpy as np

from netchip.hardware.choices import Choices


def changed(choices: Choices, picks: np.ndarray, where: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The designs with the picks at `where` [P, N] changed: half to a neighbouring option, half to any; then repaired."""
    sizes = np.asarray(choices.sizes)[:, None]
    step = np.where(random.random(picks.shape) < 0.5, 1, -1)
    near = np.clip(picks + step, 0, sizes - 1)
    anywhere = np.floor(random.random(picks.shape) * sizes).astype(np.int64)
    moved = np.where(random.random(picks.shape) < 0.5, near, anywhere)
    return choices.repaired(np.where(where, moved, picks))
