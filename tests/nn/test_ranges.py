"""Running ranges by hand: what is averaged, how it starts, and that evaluation changes nothing."""

import pytest
import torch

from netchip.errors import ConfigError
from netchip.nn.ranges import RunningRange, mean_extremes

FIRST = torch.tensor([[[-1.0, 2.0]], [[-3.0, 4.0]]])
SECOND = torch.tensor([[[0.0, 13.0]], [[0.0, 13.0]]])


def test_mean_of_each_samples_extremes() -> None:
    low, high = mean_extremes(FIRST)
    assert (low.item(), high.item()) == (-2.0, 3.0)
    assert [each.item() for each in mean_extremes(torch.tensor([1.0, 3.0]))] == [2.0, 2.0]


def test_first_batch_counts_in_full_then_a_tenth_is_new() -> None:
    running = RunningRange()
    assert [each.item() for each in running.observe(FIRST)] == [-2.0, 3.0]
    assert [each.item() for each in running.kept()] == [-2.0, 3.0]
    assert [each.item() for each in running.observe(SECOND)] == [0.0, 13.0], "a batch is quantised with its own range"
    assert [each.item() for each in running.kept()] == pytest.approx([-1.8, 4.0])


def test_as_released_nine_tenths_are_new_and_it_starts_at_zero() -> None:
    running = RunningRange(new_share=0.9, from_zero=True)
    running.observe(FIRST)
    assert [each.item() for each in running.kept()] == pytest.approx([-1.8, 2.7])


def test_unmeasured_is_an_error_and_measured_is_saved() -> None:
    fresh, running = RunningRange(), RunningRange()
    with pytest.raises(ConfigError, match="never measured; run a few batches in training mode, or calibrate, first"):
        fresh.kept()
    running.observe(FIRST)
    fresh.load_state_dict(running.state_dict())
    assert fresh.ready
    assert [each.item() for each in fresh.kept()] == [-2.0, 3.0]


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5])
def test_shares_that_are_none(share: float) -> None:
    with pytest.raises(ConfigError, match="give the weight of the newest batch"):
        RunningRange(new_share=share)
