"""A layer's MACs by how often it runs, and its weights by whether it has any."""

import math

import pytest

from netchip.errors import RequestError
from netchip.workload.encoding import Precision, StatedWeights
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

SHAPE = LayerShape.linear(in_features=10, out_features=3)


def test_macs_are_whole_until_some_inputs_skip_the_layer() -> None:
    assert isinstance(Layer("fc", SHAPE).macs, int)
    assert Layer("fc", SHAPE).macs == 30
    assert Layer("fc", SHAPE, execution_rate=0.25).macs == 7.5
    assert Layer("fc", SHAPE, execution_rate=0.0).macs == 0


def test_stored_bits_follow_the_encoding_and_not_how_often_the_layer_runs() -> None:
    assert Layer("fc", SHAPE, precision=Precision(weight_bits=4), execution_rate=0.5).stored_bits == 120
    assert Layer("fc", SHAPE, weights=StatedWeights(17)).stored_bits == 17


def test_a_product_of_activations_stores_no_weights() -> None:
    layer = Layer("scores", LayerShape.matmul(batch=2, rows=3, inner=4, columns=5))
    assert not layer.holds_weights
    assert layer.stored_bits == 0


@pytest.mark.parametrize("rate", [-0.1, 1.01, math.nan])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(RequestError, match=r"fc: execution_rate = .*; give a share of inputs from 0 to 1"):
        Layer("fc", SHAPE, execution_rate=rate)


def test_a_layer_has_a_name() -> None:
    with pytest.raises(RequestError, match="a layer needs a name"):
        Layer("", SHAPE)
