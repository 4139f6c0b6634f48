"""Which blocks a weight gets, and what packing promises."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.accounting.layers import LayerCounts
from netchip.methods.smart_exchange.accounting.rules import account
from netchip.methods.smart_exchange.decomposition.choosing import gains, tiling_for
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.models.build import build
from netchip.models.spec import ModelSpec


@pytest.mark.parametrize(
    ("shape", "width", "rows", "blocks"),
    [
        ((128, 64, 3, 3), 3, 192, 128),  # one block a filter
        ((128, 512, 3, 3), 3, 192, 1024),  # eight slices a filter
        ((512, 100, 3, 3), 3, 150, 1024),  # two even slices, not 192 + 108
        ((128, 96, 5, 5), 5, 240, 256),
        ((64, 3, 7, 7), 7, 336, 4),  # 21 rows a filter: 21 filters fit into 448, 16 make four blocks of equal height
        ((64, 64, 1, 1), 3, 176, 8),  # 22 rows a filter, 8 share a block
        ((1000, 2048), 3, 171, 4000),
        ((96, 1, 3, 3), 3, 144, 2),  # depthwise: 48 filters share a block
        ((32, 16, 5), 5, 256, 2),  # one dimension
        ((8, 4, 3, 3, 3), 3, 144, 2),  # three
        ((64, 64, 12, 12), 3, 192, 1024),  # a kernel too wide for a basis of its own
        ((64, 64, 7, 1), 3, 150, 64),
        ((1, 1), 3, 1, 1),
    ],
)
def test_usual_tilings(shape: tuple[int, ...], width: int, rows: int, blocks: int) -> None:
    tiling = tiling_for(shape)
    assert (tiling.width, tiling.rows, tiling.blocks) == (width, rows, blocks)


def test_a_transposed_convolution_has_its_outputs_in_the_second_dimension() -> None:
    tiling = tiling_for((64, 16, 4, 4), kind="transposed", groups=2)
    assert (tiling.filters, tiling.filter_rows, tiling.width) == (32, 128, 4)
    assert tiling == Tiling((64, 16, 4, 4), 4, stacked=2, transposed_groups=2)
    assert tiling_for((64, 16, 4, 4), kind="conv", groups=2).filters == 64


def test_width_height_and_stacking_can_be_said() -> None:
    assert tiling_for((100, 100), width=8).width == 8
    assert tiling_for((64, 1, 3, 3), stacking=False) == Tiling((64, 1, 3, 3), 3)
    assert tiling_for((64, 64, 3, 3), height=96) == Tiling((64, 64, 3, 3), 3, slices=2)


@given(
    shape=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    width=st.one_of(st.none(), st.integers(1, 12)),
    height=st.one_of(st.none(), st.integers(1, 300)),
    stacking=st.booleans(),
)
def test_blocks_are_never_higher_than_asked_nor_empty(
    shape: list[int], width: int | None, height: int | None, stacking: bool
) -> None:
    tiling = tiling_for(shape, width=width, height=height, stacking=stacking)
    assert tiling.rows <= (64 * tiling.width if height is None else height)
    assert tiling.row_is_real().any(dim=1).all()
    weight = torch.arange(1.0, tiling.weights + 1).reshape(tiling.shape)
    assert torch.equal(tiling.from_blocks(tiling.to_blocks(weight)), weight)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"kind": "dense"}, "kind = 'dense': known are conv, transposed"),
        ({"height": 0}, "height = 0"),
        ({"width": 0}, "whole numbers of at least 1"),
        ({"kind": "transposed", "groups": 3}, "8 channels do not make 3 groups"),
    ],
)
def test_refuses_what_cannot_be(given_: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiling_for((8, 8, 3, 3), **given_)


def test_refuses_a_vector() -> None:
    with pytest.raises(ConfigError, match="two or more dimensions"):
        tiling_for((8,))


# What packing promises.


def test_a_depthwise_filter_with_a_block_of_its_own_is_larger_than_int8() -> None:
    """36 + 72 + 3 bits for 9 weights, 12.3 each."""
    alone = gains(tiling_for((64, 1, 3, 3), stacking=False))
    assert alone.packed_bits == 64 * (36 + 72 + 3)
    assert not alone.worth
    assert alone.reason == "packed it takes 7,104 bits, no less than 4,608 at 8 bits a weight"
    assert gains(tiling_for((64, 1, 3, 3))).worth


def test_a_weight_that_is_stored_in_few_bits_already_is_compared_with_those() -> None:
    tiling = tiling_for((64, 64, 3, 3))
    assert gains(tiling, stored_bits=16).worth
    packed = gains(tiling, stored_bits=4)
    assert not packed.worth
    assert packed.reason.endswith("as it is")


def test_depthwise_filters_that_share_blocks_make_mobilenet_v2_smaller() -> None:
    """By the paper's rule; with one block a filter it is as small as published, see test_published_ratios.py."""
    with torch.device("meta"):
        model = build(ModelSpec(name="mobilenet_v2", classes=1000))
    shapes = [tuple(weight.shape) for weight in model.parameters() if weight.dim() > 1]

    def ratio(stacking: bool) -> float:
        tilings = [tiling_for(shape, stacking=stacking) for shape in shapes]
        return account([LayerCounts.from_shape("", tiling) for tiling in tilings], "paper").against_fp32

    assert ratio(stacking=True) == pytest.approx(7.09, abs=0.01)
    assert ratio(stacking=False) == pytest.approx(6.70, abs=0.01)
