"""The integer reference: against ONNX Runtime's QLinearConv, against fractions, and at its edges."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.rtl.reference import IntegerLayer, requantised, run, sums, wrapped
from netchip.rtl.scaling import multiplier_and_shift
from netchip.workload.shape import LayerShape

SHAPES = [
    {"in_channels": 3, "out_channels": 5, "in_size": (7, 7), "kernel": (3, 3), "padding": (1, 1)},
    {"in_channels": 4, "out_channels": 6, "in_size": (9, 7), "kernel": (5, 5), "stride": (2, 2), "padding": (2, 2)},
    {"in_channels": 6, "out_channels": 6, "in_size": (8, 5), "kernel": (3, 3), "groups": 6, "padding": (1, 1)},
    {"in_channels": 6, "out_channels": 4, "in_size": (6, 6), "kernel": (3, 3), "groups": 2, "stride": (2, 1)},
    {"in_channels": 17, "out_channels": 10, "in_size": (1, 1), "kernel": (1, 1)},
    {"in_channels": 2, "out_channels": 3, "in_size": (9, 9), "kernel": (3, 3), "dilation": (2, 2), "padding": (1, 0)},
]


def onnx_outputs(layer: IntegerLayer, inputs: torch.Tensor) -> np.ndarray:
    """What ONNX Runtime's QLinearConv gives for int8 inputs, the scales of the outputs' channels put into the weights'."""
    onnx = pytest.importorskip("onnx", reason="pip install 'netchip[export]'")
    runtime = pytest.importorskip("onnxruntime", reason="pip install 'netchip[export]'")
    helper, kinds, shape = onnx.helper, onnx.TensorProto, layer.shape
    scales = (layer.multipliers.double() / 2.0 ** layer.shifts.double()).numpy()
    constants = {
        "x_scale": np.float32(1),
        "x_zero": np.int8(layer.input_zero_point),
        "w": layer.weights.numpy().astype(np.int8),
        "w_scale": scales.astype(np.float32),
        "w_zero": np.zeros(len(scales), np.int8),
        "y_scale": np.float32(1),
        "y_zero": np.int8(layer.output_zero_point),
        "bias": layer.bias.numpy().astype(np.int32),
    }
    names = ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "bias"]
    node = helper.make_node(
        "QLinearConv", names, ["y"], strides=shape.stride, pads=[*shape.padding, *shape.padding], group=shape.groups,
        dilations=shape.dilation,
    )  # fmt: skip
    graph = helper.make_graph(
        [node], "layer", [helper.make_tensor_value_info("x", kinds.INT8, [1, *inputs.shape])],
        [helper.make_tensor_value_info("y", kinds.INT8, None)],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": inputs.numpy().astype(np.int8)[None]})[0][0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("points", [(0, 0), (5, -7)])
def test_equals_onnx_runtime(shape: dict, points: tuple[int, int], layer_of: Callable[..., IntegerLayer]) -> None:
    random = np.random.default_rng(len(str(shape)) + points[0])
    layer = layer_of(
        random, LayerShape.conv(**shape), input_zero_point=points[0], output_zero_point=points[1], relu=False
    )
    inputs = torch.from_numpy(random.integers(-128, 128, (shape["in_channels"], *shape["in_size"])))
    expected = onnx_outputs(layer, inputs)
    assert run(layer, inputs).numpy().astype(np.int8).tolist() == expected.tolist()
    assert len(np.unique(expected)) > 5


def test_ties_go_to_even_as_in_onnx_runtime() -> None:
    shape = LayerShape.conv(in_channels=1, out_channels=2, in_size=(1, 256), kernel=(1, 1))
    ones = torch.ones(2, 1, 1, 1)
    layer = IntegerLayer.scaled(shape, ones, torch.tensor([0, 1]), torch.tensor([0.5, 0.25]))
    inputs = torch.arange(-128, 128).reshape(1, 1, 256)
    found = run(layer, inputs)
    assert found[0, 0, 125:132].tolist() == [-2, -1, 0, 0, 0, 1, 2]  # of -3, -2, -1, 0, 1, 2, 3
    assert found.numpy().tolist() == onnx_outputs(layer, inputs).tolist()


@settings(max_examples=200, deadline=None)
@given(total=st.integers(-(2**31), 2**31 - 1), scale=st.floats(2.0**-31, 0.9375, width=32), zero=st.integers(-9, 9))
def test_one_sum_equals_the_fraction_rounded(total: int, scale: float, zero: int) -> None:
    shape = LayerShape.conv(in_channels=1, out_channels=1, in_size=(1, 1), kernel=(1, 1))
    layer = IntegerLayer.scaled(
        shape, torch.ones(1, 1, 1, 1), torch.zeros(1), torch.tensor([scale]), output_bits=16, output_zero_point=zero,
        relu=True,
    )  # fmt: skip
    expected = min(max(round(total * Fraction(scale)) + zero, zero), 2**15 - 1)  # Fraction rounds ties to even
    assert requantised(layer, torch.tensor([[[total]]])).item() == expected


def test_sums_of_16_bits_are_exact_and_wrap_at_32(layer_of: Callable[..., IntegerLayer]) -> None:
    shape = LayerShape.conv(in_channels=5, out_channels=3, in_size=(6, 5), kernel=(3, 3), padding=(1, 1))
    layer = layer_of(np.random.default_rng(3), shape, bits=16)
    inputs = torch.from_numpy(np.random.default_rng(4).integers(-(2**15), 2**15, (5, 6, 5)))
    padded = np.pad(inputs.numpy(), ((0, 0), (1, 1), (1, 1)))
    exact = [
        [
            [int((padded[:, y : y + 3, x : x + 3] * layer.weights[m].numpy()).sum() + layer.bias[m]) for x in range(5)]
            for y in range(6)
        ]
        for m in range(3)
    ]
    assert np.abs(exact).max() > 2**31
    expected = ((np.array(exact) + 2**31) % 2**32 - 2**31).tolist()
    assert sums(layer, inputs).tolist() == expected
    assert wrapped(torch.tensor([2**31, -(2**31) - 1, 5]), 32).tolist() == [-(2**31), 2**31 - 1, 5]


@pytest.mark.parametrize("scale", [1.0, 0.0, -0.5, 2.0**-33, float("nan"), float("inf")])
def test_a_scale_that_no_shift_reaches_is_refused(scale: float) -> None:
    with pytest.raises(RequestError, match=r"outside \[2\^-32, 1\); give the outputs a larger or smaller step"):
        multiplier_and_shift(scale)


def test_the_nearest_multiplier_is_taken() -> None:
    assert multiplier_and_shift(2.0**-32) == (2**23, 55)
    assert multiplier_and_shift(0.75) == (3 * 2**22, 24)
    assert multiplier_and_shift(0.25 - 2.0**-40) == (2**23, 25)


def test_what_does_not_belong_is_refused() -> None:
    shape = LayerShape.conv(in_channels=2, out_channels=2, in_size=(3, 3), kernel=(1, 1))
    weights, bias, scales = torch.ones(2, 2, 1, 1), torch.zeros(2), torch.tensor([0.5])
    with pytest.raises(RequestError, match=r"weights has size \[2, 1, 1, 1\]; this layer needs \[2, 2, 1, 1\]"):
        IntegerLayer.scaled(shape, weights[:, :1], bias, scales)
    with pytest.raises(RequestError, match="weights reaches from 128 to 128; the chip holds -128 to 127"):
        IntegerLayer.scaled(shape, 128 * weights, bias, scales)
    with pytest.raises(RequestError, match="input_bits = 4: no engine is built for that; give 8 or 16"):
        IntegerLayer.scaled(shape, weights, bias, scales, input_bits=4)
    layer = IntegerLayer.scaled(shape, weights, bias, scales)
    with pytest.raises(RequestError, match=r"inputs is torch\.float32; give whole numbers"):
        run(layer, torch.ones(2, 3, 3))
    up = LayerShape.conv(in_channels=1, out_channels=1, in_size=(4, 4), kernel=(2, 2), transposed=True)
    with pytest.raises(RequestError, match="only convolutions and linear layers, an image at a time"):
        IntegerLayer.scaled(up, torch.ones(1, 1, 2, 2), bias[:1], scales)
