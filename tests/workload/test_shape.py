"""Layer shapes against torch's own convolutions, against hand counts, and what they refuse."""

import math
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netchip.errors import RequestError
from netchip.workload.shape import LayerShape


def conv3(**changes: Any) -> LayerShape:
    settings: dict[str, Any] = {"in_channels": 4, "out_channels": 6, "in_size": (9, 7), "kernel": (3, 3), **changes}
    return LayerShape.conv(**settings)


def test_a_convolution_by_hand() -> None:
    """9x7 input padded by 1, stride 2: 5x4 outputs; two groups of 2 inputs and 3 outputs."""
    shape = conv3(batch=2, stride=(2, 2), padding=(1, 1), groups=2)
    assert shape.loop_bounds == {"B": 2, "G": 2, "K": 3, "C": 2, "OY": 5, "OX": 4, "FY": 3, "FX": 3}
    assert shape.macs == 2 * 2 * 3 * 2 * 5 * 4 * 9
    assert (shape.total_in_channels, shape.total_out_channels) == (4, 6)
    assert (shape.weights, shape.inputs, shape.outputs) == (2 * 3 * 2 * 9, 2 * 4 * 63, 2 * 6 * 20)


def test_a_linear_layer_is_a_1x1_convolution_on_one_row() -> None:
    shape = LayerShape.linear(batch=3, in_features=5, out_features=7, positions=4)
    assert (shape.macs, shape.weights, shape.inputs, shape.outputs) == (3 * 4 * 35, 35, 3 * 4 * 5, 3 * 4 * 7)
    assert (shape.out_height, shape.out_width, shape.kind) == (1, 4, "conv")


def test_independent_products_are_groups() -> None:
    shape = LayerShape.matmul(batch=8, rows=5, inner=3, columns=2)
    assert shape.loop_bounds == {"B": 1, "G": 8, "K": 2, "C": 3, "OY": 1, "OX": 5, "FY": 1, "FX": 1}
    assert (shape.macs, shape.inputs, shape.weights, shape.outputs) == (240, 8 * 15, 8 * 6, 8 * 10)
    assert shape.kind == "matmul"


def test_a_transposed_convolution_loops_over_its_inputs() -> None:
    """3x3 inputs, stride 2, kernel 3, output padding 1: (3 - 1) 2 + 3 + 1 = 8 outputs a side."""
    shape = LayerShape.conv(
        in_channels=2,
        out_channels=5,
        in_size=(3, 3),
        kernel=(3, 3),
        stride=(2, 2),
        transposed=True,
        output_padding=(1, 1),
    )
    assert (shape.out_height, shape.out_width) == (8, 8)
    assert shape.macs == 9 * 2 * 5 * 9
    assert (shape.loop_bounds["OY"], shape.loop_bounds["OX"]) == (3, 3)


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, Any]:
    groups, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    transposed = draw(st.booleans())
    return {
        "in_channels": groups * draw(st.integers(1, 3)),
        "out_channels": groups * draw(st.integers(1, 3)),
        "kernel_size": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "stride": stride,
        "padding": (draw(st.integers(0, 1)), draw(st.integers(0, 1))),
        "dilation": dilation,
        "groups": groups,
        "transposed": transposed,
        "output_padding": draw(st.integers(0, max(stride, dilation) - 1)) if transposed else 0,
    }


@given(convolutions(), st.integers(1, 2), st.integers(6, 9), st.integers(6, 9))
@settings(max_examples=60, deadline=None)
def test_sizes_and_macs_are_torchs(given_: dict[str, Any], batch: int, height: int, width: int) -> None:
    named = dict(given_)
    transposed, extra = named.pop("transposed"), named.pop("output_padding")
    layer = nn.ConvTranspose2d(**named, output_padding=extra) if transposed else nn.Conv2d(**named)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        out = layer(torch.zeros(batch, named["in_channels"], height, width))
    shape = LayerShape.conv(
        batch=batch,
        in_channels=named["in_channels"],
        out_channels=named["out_channels"],
        in_size=(height, width),
        kernel=named["kernel_size"],
        stride=(named["stride"],) * 2,
        padding=named["padding"],
        dilation=(named["dilation"],) * 2,
        groups=named["groups"],
        transposed=transposed,
        output_padding=(extra, extra),
    )
    assert (batch, shape.total_out_channels, shape.out_height, shape.out_width) == tuple(out.shape)
    assert shape.macs == counter.get_total_flops() // 2 == math.prod(shape.loop_bounds.values())
    assert (shape.weights, shape.outputs) == (layer.weight.numel(), out.numel())


def test_a_shape_cannot_be_changed_but_copied_with_changes() -> None:
    shape = conv3()
    with pytest.raises(FrozenInstanceError):
        shape.batch = 2  # type: ignore[misc]
    assert replace(shape, batch=2).macs == 2 * shape.macs
    assert shape == conv3()
    assert hash(shape) == hash(conv3())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "batch = 0: give a whole number of at least 1"),
        ({"batch": True}, "batch = True: give a whole number"),
        ({"in_channels": 4.0}, "in_channels = 4.0: give a whole number"),
        ({"groups": 3}, "in_channels = 4 cannot be split into groups = 3; give a multiple of 3"),
        ({"groups": 4}, "out_channels = 6 cannot be split into groups = 4"),
        ({"stride": (0, 1)}, r"stride = \(0, 1\): give \(height, width\), two whole numbers of at least 1"),
        ({"padding": (0, -1)}, r"padding = \(0, -1\): .* at least 0"),
        ({"kernel": [3, 3]}, r"kernel = \[3, 3\]: give \(height, width\)"),
        ({"dilation": (1,)}, r"dilation = \(1,\): give \(height, width\)"),
        ({"kernel": (10, 3)}, "kernel 10 with dilation 1 and padding 0 leaves no output on an input of 9"),
        ({"output_padding": (1, 0)}, "only a transposed convolution has one"),
    ],
)
def test_what_is_no_convolution_says_why(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        conv3(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"out_height": 8}, "out_height = 8, but in_height = 9 with kernel 3, .* gives 7; set out_height to that"),
        ({"out_width": 4}, "out_width = 4, but in_width = 7 .* gives 5"),
        ({"kind": "pool"}, "kind = 'pool': a layer is one of 'conv', 'matmul'"),
        ({"transposed": 1}, "transposed = 1: give True or False"),
        ({"in_width": -7}, "in_width = -7: give a whole number of at least 1"),
    ],
)
def test_an_impossible_shape_is_refused_at_birth(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        replace(conv3(), **changes)


def test_a_transposed_output_may_be_as_much_larger_as_output_padding_allows() -> None:
    shape = LayerShape.conv(
        in_channels=1, out_channels=1, in_size=(3, 3), kernel=(3, 3), stride=(2, 2), transposed=True
    )
    assert replace(shape, out_height=8).out_height == 8
    with pytest.raises(RequestError, match=r"out_height = 9, .* gives 7 to 8"):
        replace(shape, out_height=9)
