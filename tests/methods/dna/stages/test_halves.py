"""The halves of the training part: disjoint, in step, the same after a stop."""

import numpy as np
import torch

from netchip.data.loading import load
from netchip.data.spec import DatasetSpec
from netchip.methods.dna.stages.halves import halved

SPEC = DatasetSpec(name="digits", image_size=8, batch_size=64)


def test_halves_share_no_image_and_hold_all() -> None:
    data = load(SPEC)
    halves = halved(data, SPEC, seed=1)
    images = [np.asarray(half.split.images).reshape(len(half.split), -1) for half in (halves.weights, halves.choices)]
    together = {row.tobytes() for part in images for row in part}
    assert abs(len(images[0]) - len(images[1])) <= 1
    assert len(together) >= len(data.train) - 2  # but for twins
    assert np.abs(np.bincount(halves.weights.split.labels) - np.bincount(halves.choices.split.labels)).max() <= 1


def test_an_epoch_goes_on_in_its_middle() -> None:
    halves = halved(load(SPEC), SPEC, seed=1)
    whole = list(halves.epoch(3))
    rest = list(halves.epoch(3, start=len(halves) - 2))
    assert len(whole) == len(halves) >= 4
    assert all(
        torch.equal(a, b) for one, other in zip(whole[-2:], rest, strict=True) for a, b in zip(one, other, strict=True)
    )
    assert len(whole[0]) == 4
    assert set(halves.state()) >= {"weights seed", "choices seed"}
