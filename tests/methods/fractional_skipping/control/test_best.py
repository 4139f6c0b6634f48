"""The network that is kept is the most accurate within the budget."""

import pytest

from netchip.methods.fractional_skipping.control.best import BestWithin, Kept

EPOCHS = [
    (0, 99.0, 0.9),
    (1, 60.0, 0.7),
    (2, 80.0, 0.505),
    (3, 79.0, 0.5),
    (4, 80.0, 0.5),
    (5, 95.0, 0.52),
    (6, 81.0, 0.49),
]


def _after(count: int) -> BestWithin:
    best = BestWithin(0.5, 0.01)
    for epoch, accuracy, share in EPOCHS[:count]:
        best.offer(epoch, accuracy, share, lambda epoch=epoch: {"of": epoch})
    return best


@pytest.mark.parametrize(
    ("count", "epoch", "within"), [(1, 0, False), (2, 1, False), (3, 2, True), (6, 2, True), (7, 6, True)]
)
def test_the_best_within_wins_and_the_latest_until_then(count: int, epoch: int, within: bool) -> None:
    best = _after(count)
    assert best.kept is not None
    assert (best.kept.epoch, best.kept.within) == (epoch, within)
    assert best.weights == {"of": epoch}


def test_weights_are_copied_only_when_they_are_kept() -> None:
    best = _after(7)
    assert not best.offer(7, 80.0, 0.5, lambda: pytest.fail("not kept, not copied"))


def test_the_state_goes_round() -> None:
    again = BestWithin(0.5, 0.01)
    again.load_state_dict(_after(7).state_dict())
    assert again.kept == Kept(6, 81.0, 0.49, True)
    assert again.weights == {"of": 6}
    fresh = BestWithin(0.5, 0.01)
    fresh.load_state_dict(BestWithin(0.5, 0.01).state_dict())
    assert fresh.kept is None
