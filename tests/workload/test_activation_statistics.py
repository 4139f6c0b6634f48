"""Counts of activations: by hand, against a brute force, merged chunks, and what zeros do to them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.workload.activation_statistics import activation_sparsity, assumed_activations
from netchip.workload.booth import bit_steps, booth_steps
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import Grouping, StepCounts

SMALL = Grouping(filters=3, lines=2, lanes=3, vector=2, tiles=2)


def relu_codes(shape: tuple[int, ...], zeros: float, seed: int = 0, most: int = 128) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.integers(1, most, shape) * (random.random(shape) >= zeros)).astype(np.uint8)


def test_by_hand() -> None:
    codes = np.zeros((1, 2, 2, 4), np.int8)
    codes[0, 0, 0] = [3, 0, 1, 85]  # Booth digits 2, 0, 1, 4; bits 2, 0, 1, 4
    found = activation_sparsity(codes, grouping=SMALL)
    assert (found.elements, found.zero_elements, found.rows, found.zero_rows) == (16, 13, 4, 3)
    assert (found.lane_groups, found.bricks, found.pallets, found.maps) == (2, 8, 4, 2)
    # lanes: [3, 0, 1] -> 2 and [85] -> 4 of the one row; bricks: 2, 1, 1, 4 and four ones; pallets: 2, 4 and two ones
    assert found.booth == StepCounts(elements=7, lanes=6, bricks=12, pallets=8)
    # tiles of 1 x 2: [3, 0] -> 1, [1, 85] -> 1
    assert (found.busiest_vectors, found.tile_vectors) == (1, 2 / 4)
    assert (found.zero_share, found.zero_row_share, found.lane_digits) == (13 / 16, 0.75, 3)


def brute_force(codes: np.ndarray, in_row: int, grouping: Grouping) -> dict[str, float]:
    images, channels, height, width = codes.shape
    steps = {"booth": booth_steps(codes), "bits": bit_steps(codes)}
    found: dict[str, float] = {
        "zero_rows": 0,
        "rows": 0,
        "lane_groups": 0,
        "booth": 0,
        "bits": 0,
        "busiest": 0,
        "bricks": 0,
    }
    for n, y in itertools.product(range(images), range(height)):
        for first in range(0, channels, in_row):
            together = codes[n, first : first + in_row, y]
            found["rows"] += 1
            found["zero_rows"] += not together.any()
            if not together.any():
                continue
            for c, x in itertools.product(range(first, first + len(together)), range(0, width, grouping.lanes)):
                found["lane_groups"] += 1
                for kind, each in steps.items():
                    found[kind] += max(1, int(each[n, c, y, x : x + grouping.lanes].max()))
        for first, x in itertools.product(range(0, channels, grouping.lines), range(width)):
            found["bricks"] += max(1, int(steps["bits"][n, first : first + grouping.lines, y, x].max()))
    edges = [[size * k // grouping.tiles for k in range(grouping.tiles + 1)] for size in (height, width)]
    for n, c in itertools.product(range(images), range(channels)):
        tiles = [
            math.ceil(np.count_nonzero(codes[n, c, a:b, d:e]) / grouping.vector)
            for a, b in itertools.pairwise(edges[0])
            for d, e in itertools.pairwise(edges[1])
        ]
        found["busiest"] += max(tiles)
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 5), st.integers(1, 5), st.integers(1, 7)),
    st.sampled_from([0.0, 0.6, 0.9, 1.0]),
    st.sampled_from([1, 2, 3]),
    st.integers(0, 99),
)
def test_counts_are_those_of_a_brute_force(shape: tuple[int, ...], zeros: float, in_row: int, seed: int) -> None:
    codes = relu_codes(shape, zeros, seed, most=256)
    found, wanted = (
        activation_sparsity(codes, channels_in_row=in_row, grouping=SMALL),
        brute_force(codes, in_row, SMALL),
    )
    assert found.booth.lanes == wanted["booth"]
    assert found.bits.lanes == wanted["bits"]
    assert found.bits.bricks == wanted["bricks"]
    assert found.busiest_vectors == wanted["busiest"]
    assert {name: getattr(found, name) for name in ("zero_rows", "rows", "lane_groups")} == {
        name: wanted[name] for name in ("zero_rows", "rows", "lane_groups")
    }
    assert found.booth.elements == booth_steps(codes).sum(dtype=int)


def test_chunks_add_up_to_the_whole() -> None:
    codes = relu_codes((5, 6, 7, 7), 0.6)
    whole = activation_sparsity(codes, channels_in_row=3)
    parts = [activation_sparsity(codes[a:b], channels_in_row=3) for a, b in ((0, 1), (1, 3), (3, 5))]
    merged = parts[0].merged(parts[1]).merged(parts[2])
    assert merged.tile_vectors == pytest.approx(whole.tile_vectors)
    assert (merged.booth, merged.bits) == (whole.booth, whole.bits)
    assert (merged.zero_rows, merged.lane_groups, merged.elements) == (
        whole.zero_rows,
        whole.lane_groups,
        whole.elements,
    )


def test_a_linear_layer_reads_maps_of_one_position() -> None:
    found = activation_sparsity(np.array([[0, 5, 0, 0], [1, 0, 0, 0]], np.int8))
    assert (found.rows, found.zero_rows, found.lane_groups, found.maps) == (8, 6, 2, 8)
    tokens = activation_sparsity(np.ones((1, 4, 9), np.int8))
    assert (tokens.rows, tokens.lane_groups) == (4, 4 * 2)


def test_all_zero_takes_a_step_a_group_only_where_nothing_is_skipped() -> None:
    found = activation_sparsity(np.zeros((1, 16, 8, 8), np.int8))
    assert (found.zero_row_share, found.lane_groups, found.lane_digits) == (1, 0, 1)
    assert found.booth.bricks == found.bricks == 64


@pytest.mark.parametrize("size", [(16, 16), (7, 7), (1, 1), (5, 20)])
def test_assumed_dense_activations_are_counted_ones(size: tuple[int, int]) -> None:
    shape = LayerShape.conv(in_channels=20, out_channels=3, in_size=size, kernel=(1, 1))
    codes = np.full((1, 20, *size), 85, np.uint8)  # 4 Booth digits; and of 8 bits 4, so twice are 8
    found, assumed = activation_sparsity(codes), assumed_activations(shape)
    assert assumed.booth == found.booth
    assert assumed.bits.lanes == 2 * found.bits.lanes
    for name in ("elements", "zero_elements", "rows", "zero_rows", "lane_groups", "bricks", "pallets", "maps"):
        assert getattr(assumed, name) == getattr(found, name)
    assert assumed.busiest_vectors == found.busiest_vectors
    assert assumed.tile_vectors == pytest.approx(found.tile_vectors)


@pytest.mark.parametrize(
    ("codes", "options", "message"),
    [
        (np.zeros(4, np.int8), {}, r"activations of shape \[4\]; give \[images, channels\]"),
        (np.zeros((0, 4), np.int8), {}, r"activations of shape \[0, 4\]"),
        (np.zeros((1, 4)), {}, "give 8-bit integers"),
        (np.zeros((1, 4), np.int8), {"channels_in_row": 0}, "channels_in_row = 0; give that of the layer's weights"),
    ],
)
def test_what_cannot_be_counted_is_refused(codes: np.ndarray, options: dict[str, int], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        activation_sparsity(codes, **options)


def test_what_was_counted_otherwise_does_not_merge() -> None:
    codes = np.ones((1, 4, 4, 4), np.int8)
    with pytest.raises(RequestError, match="channels_in_row = 1 and 3 do not add up; count both alike"):
        activation_sparsity(codes).merged(activation_sparsity(codes, channels_in_row=3))
