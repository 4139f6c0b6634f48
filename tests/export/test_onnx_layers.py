"""Sizes and attributes of ONNX operators give the layer torch runs."""

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from netchip.errors import RequestError
from netchip.export.onnx_layers import Operand, fit_together, layer_of
from netchip.workload.shape import LayerShape


def conv(data: tuple[int, ...], weights: tuple[int, ...], operator: str = "Conv", **attributes: Any) -> LayerShape:
    return layer_of(operator, Operand(data, fixed=False), Operand(weights, fixed=True), attributes)


def matmul(a: tuple[int, ...], b: tuple[int, ...], *, fixed: tuple[bool, bool] = (False, True)) -> LayerShape:
    return layer_of("MatMul", Operand(a, fixed[0]), Operand(b, fixed[1]), {})


def test_a_grouped_dilated_convolution() -> None:
    found = conv((2, 6, 20, 30), (8, 3, 3, 5), group=2, strides=[2, 1], pads=[1, 2, 1, 2], dilations=[2, 3])
    assert found == LayerShape.conv(
        batch=2, in_channels=6, out_channels=8, in_size=(20, 30), kernel=(3, 5), stride=(2, 1), padding=(1, 2),
        dilation=(2, 3), groups=2,
    )  # fmt: skip


def test_a_depthwise_convolution_and_one_along_a_line() -> None:
    assert conv((1, 32, 8, 8), (32, 1, 3, 3), group=32).groups == 32
    line = conv((1, 4, 50), (6, 4, 5), strides=[2], pads=[2, 2], dilations=[1])
    assert (line.in_height, line.kernel_height, line.out_height) == (1, 1, 1)
    assert (line.in_width, line.out_width, line.padding) == (50, 25, (0, 2))


def test_weights_that_depend_on_the_input_make_it_a_matmul() -> None:
    found = layer_of("Conv", Operand((1, 2, 4, 4), False), Operand((2, 2, 3, 3), False), {})
    assert found.kind == "matmul"


def test_a_convolution_in_three_dimensions_is_not_counted() -> None:
    with pytest.raises(RequestError, match=r"^3-dimensional$"):
        conv((1, 2, 4, 4, 4), (2, 2, 3, 3, 3))


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(1, 12),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    begin=st.integers(0, 4),
    end=st.integers(0, 4),
)
def test_padding_at_either_end_gives_torchs_outputs(
    size: int, kernel: int, stride: int, dilation: int, begin: int, end: int
) -> None:
    assume(size + begin + end >= dilation * (kernel - 1) + 1)
    found = conv((1, 1, size), (1, 1, kernel), strides=[stride], dilations=[dilation], pads=[begin, end])
    padded = functional.pad(torch.zeros(1, 1, size), (begin, end))
    made = functional.conv1d(padded, torch.zeros(1, 1, kernel), stride=stride, dilation=dilation)
    assert found.out_width == made.shape[-1]
    assert size <= found.in_width <= size + begin + end
    if begin == end:
        assert (found.in_width, found.padding[1]) == (size, begin)


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(1, 6),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    more=st.integers(0, 3),
)
def test_a_transposed_convolution_gives_torchs_outputs(
    size: int, kernel: int, stride: int, padding: int, more: int
) -> None:
    assume(more < stride and (size - 1) * stride - 2 * padding + kernel >= 1)
    pads = {"pads": [padding, padding], "output_padding": [more], "strides": [stride]}
    found = conv((1, 4, size), (4, 3, kernel), "ConvTranspose", group=2, **pads)
    made = functional.conv_transpose1d(
        torch.zeros(1, 4, size),
        torch.zeros(4, 3, kernel),
        stride=stride,
        padding=padding,
        output_padding=more,
        groups=2,
    )
    assert found.transposed
    assert (found.total_out_channels, found.out_width) == tuple(made.shape[1:])
    stated = {"output_shape": [made.shape[-1]], "strides": [stride]}
    assert conv((1, 4, size), (4, 3, kernel), "ConvTranspose", group=2, **stated).out_width == made.shape[-1]


@pytest.mark.parametrize("side", ["SAME_UPPER", "SAME_LOWER"])
def test_automatic_padding_keeps_one_output_a_stride(side: str) -> None:
    assert conv((1, 1, 224, 5), (1, 1, 3, 4), strides=[2, 1], auto_pad=side).out_height == 112
    assert conv((1, 1, 224, 5), (1, 1, 3, 4), strides=[2, 1], auto_pad=side).out_width == 5
    assert conv((1, 1, 5, 5), (1, 1, 4, 4), "ConvTranspose", strides=[2, 2], auto_pad=side).out_height == 10
    assert conv((1, 1, 9, 9), (1, 1, 1, 1), strides=[4, 4], auto_pad=side).padding == (0, 0)


def test_valid_ignores_pads() -> None:
    assert conv((1, 1, 9, 9), (1, 1, 3, 3), pads=[1, 1, 1, 1], auto_pad="VALID").out_height == 7
    assert conv((1, 1, 9, 9), (1, 1, 3, 3), "ConvTranspose", pads=[1, 1, 1, 1], auto_pad="VALID").out_height == 11


def test_quantised_convolutions_are_convolutions() -> None:
    for operator in ("ConvInteger", "QLinearConv"):
        assert conv((1, 2, 4, 4), (3, 2, 3, 3), operator) == conv((1, 2, 4, 4), (3, 2, 3, 3))


def test_gemm_turns_its_operands() -> None:
    a, b = Operand((7, 5), fixed=False), Operand((3, 7), fixed=True)
    found = layer_of("Gemm", a, b, {"transA": 1, "transB": 1})
    assert found == LayerShape.linear(batch=5, in_features=7, out_features=3)


def test_products_are_those_of_torch_modules() -> None:
    assert matmul((2, 6, 8), (8, 4)) == LayerShape.linear(batch=2, positions=6, in_features=8, out_features=4)
    both = matmul((2, 3, 6, 8), (2, 3, 8, 5), fixed=(False, False))
    assert both == LayerShape.matmul(batch=6, rows=6, inner=8, columns=5)
    assert matmul((4, 8), (8,), fixed=(False, True)).macs == 32
    assert matmul((8,), (8, 4), fixed=(False, True)).macs == 32
    assert matmul((6, 8), (2, 8, 4), fixed=(True, False)).weights == 48


@pytest.mark.parametrize(
    ("operator", "first", "second", "attributes"),
    [
        ("Conv", (1, 6, 8, 8), (4, 3, 3, 3), {"group": 2}),
        ("ConvTranspose", (1, 6, 8, 8), (6, 3, 3, 3), {"group": 2}),
        ("Gemm", (7, 5), (3, 7), {"transA": 1, "transB": 1}),
        ("Gemm", (5, 7), (7, 3), {}),
        ("MatMul", (2, 1, 6, 8), (3, 8, 4), {}),
        ("MatMul", (8,), (8,), {}),
    ],
)
def test_sizes_that_fit_and_sizes_that_do_not(
    operator: str, first: Any, second: Any, attributes: dict[str, Any]
) -> None:
    assert fit_together(operator, first, second, attributes)
    channels = 1 if "Conv" in operator else -1
    wrong = list(first)
    wrong[0 if attributes.get("transA") else channels] += 1
    assert not fit_together(operator, tuple(wrong), second, attributes)
    assert not fit_together(operator, (), second, attributes)


def test_leading_sizes_of_a_product_must_fit() -> None:
    assert not fit_together("MatMul", (2, 6, 8), (3, 8, 4), {})
    assert not fit_together("Gemm", (1, 6, 8), (8, 4), {})
