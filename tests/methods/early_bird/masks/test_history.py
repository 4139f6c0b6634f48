"""The queue of masks: what counts as evidence, and that it survives a checkpoint."""

import numpy as np

from netchip.methods.early_bird.masks.history import History

A, B = np.array([True, True, False, False]), np.array([False, False, True, True])
RULE = {"detector": "official", "eps": 0.1, "window": 2, "sizes": (4,)}


def history(*masks: tuple[np.ndarray, bool]) -> History:
    made = History()
    for mask, counts in masks:
        made.add(mask, counts=counts)
    return made


def test_only_masks_that_count_are_looked_at() -> None:
    assert history((A, True), (A, True)).holds(**RULE)
    assert not history((A, False), (A, True)).holds(**RULE), "one mask of evidence is not a window"
    assert history((A, True), (B, False), (A, True)).holds(**RULE)
    assert not history((A, True), (A, True), (A, False)).holds(**RULE), "the newest is no evidence"
    assert not history((A, True), (B, True)).holds(**RULE)


def test_distances_skip_what_does_not_count() -> None:
    assert history((A, True), (B, False), (A, True)).distances("official", 5, (4,)) == [0.0]


def test_nothing_holds_before_the_first_mask() -> None:
    assert not History().holds(**RULE)


def test_state_there_and_back() -> None:
    made = history((A, True), (B, False))
    again = History.from_state(made.state_dict())
    assert [mask.tolist() for mask in again.masks] == [A.tolist(), B.tolist()]
    assert again.counts == [True, False]
    empty = History.from_state(History().state_dict())
    assert empty.masks == []
