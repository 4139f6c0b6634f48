"""The pieces put together: frozen routes and the model that branches, against the network."""

from typing import Any

import numpy as np
import pytest
import torch

from netchip.errors import ConfigError

pytest.importorskip("onnxruntime")

from netchip.graph.onnx_extra import results
from netchip.methods.fractional_skipping.export.whole import branching_model, frozen_model


@torch.no_grad()
def test_a_frozen_route_equals_the_forced_one(exported: Any) -> None:
    network, images = exported.network, exported.images
    route = [3, 0, 3, 3, 0]
    [found] = results(frozen_model(exported.pieces, route), {"input": images.numpy()})
    assert found == pytest.approx(network(images, routes=route).numpy(), abs=1e-4)
    [full] = results(frozen_model(exported.pieces, ["full"] * 5), {"input": images.numpy()})
    assert full == pytest.approx(network.plain()(images).numpy(), abs=1e-4)


def test_a_frozen_route_of_few_bits_is_in_qdq_form(exported: Any) -> None:
    import onnx

    model = frozen_model(exported.pieces, ["8"] * 5)
    onnx.checker.check_model(model)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Conv") == 1 + 2 * 6 + 2  # the stem, two a block, two shortcuts; the first block is not gated
    assert (
        kinds.count("QuantizeLinear") == 2 * 12 - 5
    )  # inputs and results; the first of a block ends on the grid of the second
    assert "BatchNormalization" not in kinds
    weights = [each for each in model.graph.initializer if each.name.endswith("weight.levels")]
    assert len(weights) == 12
    assert all(each.data_type == onnx.TensorProto.INT8 for each in weights)


@torch.no_grad()
def test_the_branching_model_decides_as_the_network(exported: Any) -> None:
    network, images, pieces = exported.network, exported.images, exported.pieces.without_few_bits()
    model, seen = branching_model(pieces), set()
    wanted = network(images, detail=True)
    for place, image in enumerate(images):
        outputs, routes = results(model, {"input": image[None].numpy()})
        assert routes.shape == (1, 5)
        passed = network(image[None], routes=[3 if each else 0 for each in routes[0]])
        assert outputs == pytest.approx(passed.numpy(), abs=1e-4)
        assert routes[0, 0] == wanted.routes[place, 0]  # later ones follow other values: few bits are in full here
        seen |= {int(each) for each in routes[0]}
    assert seen == {0, 1, 2, 3}


def test_a_bias_that_is_moved_moves_the_decisions(exported: Any) -> None:
    from dataclasses import replace

    bias = exported.pieces.bias.copy()
    bias[:, 3] += 1e6
    _, routes = results(branching_model(replace(exported.pieces, bias=bias)), {"input": exported.images[:1].numpy()})
    assert np.array_equal(routes, [[3] * 5])


def test_routes_that_do_not_fit(exported: Any) -> None:
    with pytest.raises(ConfigError, match="a route of 4 options; this network has 5 gated blocks"):
        frozen_model(exported.pieces, [3] * 4)
