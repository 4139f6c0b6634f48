"""Row masks: by share, by threshold, in lock-step, by BatchNorm gamma, by inputs that are gone."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.choosing import tiling_for
from netchip.methods.smart_exchange.decomposition.decompose import decompose
from netchip.methods.smart_exchange.decomposition.sparsity import (
    RowMask,
    above_threshold,
    filters_by_gamma,
    row_scores,
    without_filters,
    without_share,
)


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_scores_are_mean_squares_without_what_fills_up() -> None:
    weight = torch.tensor([[3.0, 4.0, 0.0, 2.0], [1.0, 1.0, 1.0, 0.5]])
    tiling = tiling_for((2, 4))
    assert torch.allclose(row_scores(weight, tiling), torch.tensor([[25 / 3, 4.0], [1.0, 0.25]], dtype=torch.float64))
    assert torch.allclose(row_scores(weight, tiling, 2), torch.tensor([[14 / 3, 2.125]], dtype=torch.float64))


def test_a_last_group_of_fewer_filters_is_not_at_a_disadvantage() -> None:
    weight = torch.ones(5, 3)
    assert torch.allclose(row_scores(weight, tiling_for((5, 3)), 4), torch.ones(2, 1, dtype=torch.float64))


@given(share=st.floats(0, 1), group=st.integers(1, 9), channels=st.integers(1, 20), filters=st.integers(1, 20))
def test_a_share_of_the_rows_goes_and_the_smallest_first(share: float, group: int, channels: int, filters: int) -> None:
    weight = gaussian(filters, channels, 3, 3)
    tiling = tiling_for(weight.shape)
    mask = without_share(weight, tiling, share, group=group)
    scores = row_scores(weight, tiling, group).repeat_interleave(group, dim=0)[:filters]
    gone = ~mask.rows
    assert abs(float(gone.float().mean()) - share) <= (group + 0.5) / filters
    if gone.any() and mask.rows.any():
        assert scores[gone].max() <= scores[mask.rows].min()


def test_filters_of_a_group_lose_the_same_rows() -> None:
    weight = gaussian(70, 8, 3, 3)
    rows = without_share(weight, tiling_for(weight.shape), 0.5, group=32).rows
    for first, last in ((0, 32), (32, 64), (64, 70)):
        assert (rows[first:last] == rows[first]).all()
    assert 0 < rows.float().mean() < 1


def test_equal_rows_go_in_order() -> None:
    mask = without_share(torch.ones(4, 6), tiling_for((4, 6)), 0.5)
    assert mask.rows.flatten().tolist() == [False] * 4 + [True] * 4


def test_threshold_is_relative_to_the_weight() -> None:
    for scale in (1e-6, 1.0, 1e6):
        weight = gaussian(16, 64, 3, 3) * scale
        mask = above_threshold(weight, tiling_for(weight.shape), 0.5)
        assert 0.11 < mask.sparsity < 0.15  # P(chi-square of 3 degrees < 0.75) = 0.1386
    assert above_threshold(torch.zeros(2, 3), tiling_for((2, 3)), 0.5).sparsity == 0.0


def test_half_the_rows_of_a_1x1_weight_are_zero_when_half_are_asked_for() -> None:
    """Chosen channel by channel as in the official code, half leaves about 17 % of the rows zero: a row is three channels."""
    weight = gaussian(32, 16, 1, 1)
    tiling = tiling_for(weight.shape)
    mask = without_share(weight, tiling, 0.5)
    assert mask.sparsity == 0.5
    ours = decompose(weight, tiling, row_mask=mask.kept)
    assert 1 - float(ours.kept_rows.sum()) / tiling.real_rows == pytest.approx(0.5, abs=0.03)
    smallest = weight.flatten().abs().argsort()[: weight.numel() // 2]
    single = weight.clone()
    single.view(-1)[smallest] = 0.0
    theirs = decompose(single, tiling, element_threshold=0.0)
    assert 1 - float(theirs.kept_rows.sum()) / tiling.real_rows == pytest.approx(0.17, abs=0.06)


def test_a_row_mask_survives_decompositions() -> None:
    weight = gaussian(64, 64, 3, 3)
    tiling = tiling_for(weight.shape)
    mask = without_share(weight, tiling, 0.4, group=32)
    factored = decompose(weight, tiling, row_mask=mask.kept)
    for _ in range(2):
        factored = decompose(
            factored.weight() + 0.1 * gaussian(64, 64, 3, 3), tiling, row_mask=mask.kept, warm=factored
        )
        assert not factored.weight()[~mask.elements()].any()


@pytest.mark.parametrize(("group", "low", "high"), [(1, 0.44, 0.49), (32, 0.64, 0.69)])
def test_the_price_of_half_the_rows_of_random_weights(group: int, low: float, high: float) -> None:
    """Relative error 0.46 filter by filter, 0.67 when 32 filters share their rows (measured with the original form)."""
    weight = gaussian(64, 64, 3, 3)
    tiling = tiling_for(weight.shape)
    found = decompose(weight, tiling, row_mask=without_share(weight, tiling, 0.5, group=group).kept).weight()
    assert low < float((found - weight).norm() / weight.norm()) < high


def test_filters_by_gamma() -> None:
    gamma = torch.tensor([0.5, -0.01, 0.02, -3.0])
    assert filters_by_gamma(gamma, below=0.1).tolist() == [True, False, False, True]
    assert filters_by_gamma(gamma, share=0.25).tolist() == [True, False, True, True]
    assert filters_by_gamma(gamma, below=9.0).tolist() == [False, False, False, True]
    assert filters_by_gamma(torch.zeros(2), share=0.5).sum() == 1


def test_whole_filters_go() -> None:
    tiling = tiling_for((4, 2, 3, 3))
    kept = torch.tensor([True, False, True, True])
    mask = without_filters(tiling, kept)
    assert mask.elements().flatten(1).all(1).tolist() == kept.tolist()
    assert mask.sparsity == 0.25


def test_masks_join_and_come_back_from_their_state() -> None:
    weight = gaussian(6, 5, 3, 3)
    tiling = tiling_for(weight.shape)
    first = without_share(weight, tiling, 0.5)
    second = without_filters(tiling, torch.tensor([True] * 5 + [False]))
    both = first & second
    assert torch.equal(both.elements(), first.elements() & second.elements())
    again = RowMask.from_state(both.to_state())
    assert again.tiling == tiling
    assert torch.equal(again.kept, both.kept)
    assert RowMask.everything(tiling).sparsity == 0.0


def test_refusals() -> None:
    weight, tiling = gaussian(2, 3, 3, 3), tiling_for((2, 3, 3, 3))
    with pytest.raises(ConfigError, match=r"share = 1\.5"):
        without_share(weight, tiling, 1.5)
    with pytest.raises(ConfigError, match="group = 0"):
        without_share(weight, tiling, 0.5, group=0)
    with pytest.raises(ConfigError, match="threshold = nan"):
        above_threshold(weight, tiling, math.nan)
    with pytest.raises(ConfigError, match="give one of them"):
        filters_by_gamma(torch.ones(3))
    with pytest.raises(ConfigError, match=r"share = 1\.0"):
        filters_by_gamma(torch.ones(3), share=1.0)
    with pytest.raises(ConfigError, match=r"one for each of the filters"):
        without_filters(tiling, torch.ones(3, dtype=torch.bool))
    with pytest.raises(ConfigError, match=r"a row mask is torch\.bool"):
        RowMask(tiling, torch.ones(2))
    with pytest.raises(ConfigError, match="do not go together"):
        _ = RowMask.everything(tiling) & RowMask.everything(tiling_for((3, 3)))
