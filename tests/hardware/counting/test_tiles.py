"""Elements that a window touches, against the set of them."""

import array_api_compat.numpy as xp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.hardware.conventions import TIMELOOP, ZIGZAG
from netchip.hardware.counting.arithmetic import Arithmetic
from netchip.hardware.counting.columns import Window, columns_of
from netchip.hardware.counting.nest import Extent, Slide
from netchip.hardware.counting.tiles import Tiler
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

small = st.integers(1, 6)


def tiler(shape: LayerShape, *, rounds: bool = False, box: bool = False) -> Tiler:
    like = np.ones(1)
    columns = columns_of([Layer("layer", shape)], np.zeros(1, dtype=int), [1.0], like=like, xp=xp)
    return Tiler(Arithmetic(xp, like), columns, TIMELOOP if box else ZIGZAG, rounds)


def conv(kernel: int, stride: int, dilation: int, positions: int) -> LayerShape:
    size = stride * (positions - 1) + dilation * (kernel - 1) + 1
    return LayerShape.conv(
        in_channels=1,
        out_channels=1,
        in_size=(size, size),
        kernel=(kernel, kernel),
        stride=(stride, stride),
        dilation=(dilation, dilation),
    )


@given(small, small, small, small)
def test_touched_elements_and_the_box_around_them(positions: int, kernel: int, stride: int, dilation: int) -> None:
    shape = conv(kernel, stride, dilation, positions)
    touched = {stride * p + dilation * r for p in range(positions) for r in range(kernel)}
    window = tiler(shape).layers.rows
    assert tiler(shape).along((float(positions), float(kernel)), window) == len(touched)
    assert tiler(shape, box=True).along((float(positions), float(kernel)), window) == max(touched) + 1


def test_padding_is_not_loaded() -> None:
    """5 positions of a 3-wide kernel on 5 elements padded by 1 use the 5 there are, not 7."""
    shape = LayerShape.conv(in_channels=2, out_channels=1, in_size=(5, 5), kernel=(3, 3), padding=(1, 1))
    whole = Extent(2.0, ((5.0, 3.0), (5.0, 3.0)))
    one = Extent(1.0, ((1.0, 1.0), (1.0, 1.0)))
    assert tiler(shape).elements(whole, one) == 2 * 5 * 5
    assert tiler(shape, box=True).elements(whole, one) == 2 * 5 * 5


def test_an_uneven_mean_is_rounded_only_where_asked() -> None:
    """13.75 rows of a stride of 4 with 11 kernel rows: ZigZag takes 13 rows, 13 x 11 - 7 x 12 = 59 elements; the mean more."""
    shape = conv(11, 4, 1, 55)
    below, units = Extent(1.0, ((1.0, 1.0), (1.0, 1.0))), Extent(1.0, ((13.75, 11.0), (1.0, 1.0)))
    assert tiler(shape, rounds=True).elements(below, units) == 59
    assert tiler(shape).elements(below, units) == 13.75 * 11 - 7 * 12.75
    assert tiler(shape, rounds=True).elements(Extent(2.5), Extent(1.0)) == 2
    assert tiler(shape).elements(Extent(2.5), Extent(1.0)) == 2.5


@pytest.mark.parametrize(("axis", "new"), [(0, 4), (1, 3), (2, 5), (3, 5), (-1, 5)])
def test_a_slide_brings_new_rows(axis: int, new: int) -> None:
    """2 positions of stride 2 with 3 kernel rows lie on 5 rows. A step in OY brings 4 new ones, a step in FY 3."""
    shape = conv(7, 2, 1, 8)
    extent, one = Extent(1.0, ((2.0, 3.0), (1.0, 1.0))), Extent(1.0, ((1.0, 1.0), (1.0, 1.0)))
    rows, box = 5, tiler(shape, box=True)
    assert box.along((2.0, 3.0), box.layers.rows) == rows
    share = box.sliding(Slide(float(axis), 4.0), extent, one)
    assert share == pytest.approx((1 + 3 * new / rows) / 4)


def test_windows_carry_what_strides_and_dilations_share() -> None:
    window = tiler(conv(3, 6, 4, 2)).layers.rows
    assert window == Window(stride=6.0, dilation=4.0, touched_stride=3.0, touched_dilation=2.0, limit=15.0)
