"""Counts of weights: by hand, against a brute force over single weights, and what zeros do to them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import CoefficientStorage, Grouping
from netchip.workload.weight_statistics import assumed_storage, assumed_weights, nonzero_rows, weight_sparsity

SMALL = Grouping(filters=3, lines=2, lanes=4, vector=2, tiles=2)


def made(shape: tuple[int, ...], zeros: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(1, 9, shape) * (random.random(shape) >= zeros)


def test_by_hand() -> None:
    weight = np.zeros((4, 2, 2, 2))
    weight[0, 0, 0] = 1  # filter 0: row 0 of channel 0, both weights
    weight[1, 1, 1, 0] = 1  # filter 1: row 1 of channel 1, one weight
    weight[3, 0, 1, 1] = 1  # filter 3, in a group of its own
    found = weight_sparsity(weight, grouping=SMALL)
    assert (found.filters, found.rows_per_filter, found.row_length, found.channels_in_row) == (4, 4, 2, 1)
    assert (found.elements, found.nonzero_elements, found.nonzero_rows) == (32, 4, 3)
    assert found.union_rows == 2 + 1
    # lines by channel: in group 0 channel 0 has one row and channel 1 has one; dealt: rows 0 and 3 go to lines 0 and 1
    assert (found.by_channel.lock_step, found.by_channel.free) == (1 + 1, 1 + 1)
    assert (found.dealt.lock_step, found.dealt.free) == (1 + 1, 1 + 1)
    assert (found.busiest_elements, found.mean_elements) == (2 + 1, 3 / 3 + 1)
    assert found.channel_vectors == (1 + 1) + (1 + 0)  # channel 0: 2 and 1 weights, channel 1: 1 and 0


def brute_force(weight: np.ndarray, length: int, grouping: Grouping) -> dict[str, float]:
    filters, channels, height, width = weight.shape
    flat = weight.reshape(filters, -1)
    count = math.ceil(flat.shape[1] / length)
    has_row = [[bool(flat[f, r * length : (r + 1) * length].any()) for r in range(count)] for f in range(filters)]
    line = [(r // height if width > 1 else r) % grouping.lines for r in range(count)]
    found = {
        "union_rows": 0,
        "lock_step": 0,
        "free": 0,
        "busiest_elements": 0,
        "mean_elements": 0.0,
        "channel_vectors": 0,
    }
    for start in range(0, filters, grouping.filters):
        group = range(start, min(start + grouping.filters, filters))
        needed = [any(has_row[f][r] for f in group) for r in range(count)]
        found["union_rows"] += sum(needed)
        found["lock_step"] += max(sum(needed[r] for r in range(count) if line[r] == k) for k in range(grouping.lines))
        for_each = [sum(has_row[f]) for f in group]
        in_unit = height if width > 1 else 1
        in_channel = [sum(has_row[f][r : r + in_unit]) for f in group for r in range(0, count, in_unit)]
        found["free"] += max(*(math.ceil(rows / grouping.lines) for rows in for_each), *in_channel)
        sizes = [int((weight[f] != 0).sum()) for f in group]
        found["busiest_elements"] += max(sizes)
        found["mean_elements"] += sum(sizes) / len(sizes)
        for c in range(channels):
            found["channel_vectors"] += math.ceil(sum(int((weight[f, c] != 0).sum()) for f in group) / grouping.vector)
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 8),
    st.integers(1, 6),
    st.sampled_from([(1, 1), (3, 3), (1, 3), (2, 2)]),
    st.sampled_from([0.0, 0.5, 0.8, 1.0]),
    st.integers(0, 9),
)
def test_counts_are_those_of_a_brute_force(
    filters: int, channels: int, kernel: tuple[int, int], zeros: float, seed: int
) -> None:
    weight = made((filters, channels, *kernel), zeros, seed)
    for length in {kernel[1], 3 if kernel == (1, 1) else kernel[1]}:
        found = weight_sparsity(weight, row_length=length, grouping=SMALL)
        wanted = brute_force(weight, length, SMALL)
        line = found.by_channel
        assert wanted.pop("lock_step") == line.lock_step
        assert wanted.pop("free") == line.free
        assert {name: getattr(found, name) for name in wanted} == pytest.approx(wanted)


def test_a_row_of_a_1x1_layer_spans_channels_and_its_last_is_filled_up() -> None:
    weight = np.zeros((1, 7))
    weight[0, 6] = 1
    rows, layout = nonzero_rows(weight, 3)
    assert rows.tolist() == [[False, False, True]]
    assert (layout.channels_in_row, layout.rows_in_channel) == (3, 1)
    assert weight_sparsity(weight, row_length=3).channels_in_row == 3


def test_depthwise_kernel_rows_can_be_dealt_over_lines() -> None:
    found = weight_sparsity(np.ones((64, 1, 3, 3)), groups=64)
    assert (found.by_channel.lock_step, found.dealt.lock_step) == (3, 1)
    assert found.channel_vectors == 64 * 3  # 9 weights in vectors of 4, a channel at a time


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.floats(0, 1))
def test_more_zeros_never_count_more(seed: int, share: float) -> None:
    weight = made((6, 4, 3, 3), 0.4, seed)
    fewer = weight * (np.random.default_rng(seed + 1).random(weight.shape) >= share)
    before, after = (weight_sparsity(each, grouping=SMALL) for each in (weight, fewer))
    for name in (
        "nonzero_elements",
        "nonzero_rows",
        "union_rows",
        "busiest_elements",
        "channel_vectors",
        "mean_elements",
    ):
        assert getattr(after, name) <= getattr(before, name)
    assert after.by_channel.lock_step <= before.by_channel.lock_step
    assert after.dealt.free <= before.dealt.free


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (5, 5)])
@pytest.mark.parametrize("groups", [1, 2])
def test_assumed_dense_weights_are_counted_ones(kernel: tuple[int, int], groups: int) -> None:
    shape = LayerShape.conv(in_channels=40, out_channels=70, in_size=(9, 9), kernel=kernel, groups=groups)
    weight = np.ones((70, 40 // groups, *kernel))
    assert assumed_weights(shape) == weight_sparsity(weight, groups=groups)
    assert assumed_weights(shape, zero_rows=1) == weight_sparsity(weight * 0, groups=groups)


def test_assumed_zeros_are_shares() -> None:
    shape = LayerShape.conv(in_channels=64, out_channels=64, in_size=(9, 9), kernel=(3, 3))
    found = assumed_weights(shape, zero_rows=0.5, zero_elements=0.75)
    assert (found.nonzero_rows / found.rows, found.density, found.busiest_share, found.mean_share) == (
        0.5,
        0.25,
        0.25,
        0.25,
    )
    assert found.by_channel.lock_step == 4 * 3 / 2


def test_assumed_storage_of_a_block_of_64_channels_is_4_46_bits_a_weight() -> None:
    shape = LayerShape.conv(in_channels=64, out_channels=8, in_size=(9, 9), kernel=(3, 3))
    storage = assumed_storage(shape)
    assert storage.stored_bits / shape.weights == pytest.approx(4 + 1 / 3 + 24 / 192)
    assert storage.basis_elements == 8 * 9
    gone = assumed_storage(shape, zero_rows=1)
    assert (gone.nonzero_coefficients, gone.basis_elements) == (0, 0)


def test_storage_rides_along() -> None:
    storage = CoefficientStorage(nonzero_coefficients=3, basis_elements=9, index_bits=2)
    assert storage.stored_bits == 3 * 4 + 9 * 8 + 2
    assert weight_sparsity(np.ones((2, 2)), storage=storage).storage == storage


@pytest.mark.parametrize(
    ("weight", "options", "message"),
    [
        (np.ones(3), {}, r"weights of shape \[3\]; give \[filters, channels\]"),
        (np.zeros((0, 3)), {}, r"weights of shape \[0, 3\]"),
        (np.array([[np.nan]]), {}, "the weights hold NaN"),
        (np.ones((3, 2)), {"groups": 2}, "groups = 2 do not divide 3 filters"),
        (np.ones((3, 2, 3, 3)), {"row_length": 2}, "row_length = 2, but the kernel is 3 wide"),
    ],
)
def test_what_cannot_be_counted_is_refused(weight: np.ndarray, options: dict[str, int], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        weight_sparsity(weight, **options)


@pytest.mark.parametrize("shares", [(-0.1, None), (0.5, 0.2), (0.0, 1.5)])
def test_shares_that_are_none_are_refused(shares: tuple[float, float | None]) -> None:
    shape = LayerShape.linear(in_features=4, out_features=4)
    with pytest.raises(RequestError, match="give shares, 0 <= rows <= elements <= 1"):
        assumed_weights(shape, zero_rows=shares[0], zero_elements=shares[1])
