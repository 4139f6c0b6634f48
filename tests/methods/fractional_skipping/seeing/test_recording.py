"""A pass over data: what was decided, for every input and in its order."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.errors import DataError
from netchip.methods.fractional_skipping.gates.upfront import UpfrontGate
from netchip.methods.fractional_skipping.network import FractionalNetwork, make_fractional
from netchip.methods.fractional_skipping.options import SKIPNET
from netchip.methods.fractional_skipping.seeing.recording import record

LABELS = torch.arange(9)


def _batches(images: Tensor, *sizes: int) -> list[tuple[Tensor, Tensor]]:
    return list(zip(images.split(list(sizes)), LABELS.split(list(sizes)), strict=True))


def _stirred(network: FractionalNetwork) -> FractionalNetwork:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.gate.parameters():
            parameter.copy_(2.0 * torch.randn(parameter.shape, generator=generator))
    return network


@pytest.mark.parametrize("gate", ["recurrent", "upfront"])
def test_routes_logits_and_losses_are_those_of_a_plain_call(resnet14: nn.Module, images: Tensor, gate: str) -> None:
    network = _stirred(make_fractional(resnet14, SKIPNET, gate)).double()
    images = images.double()
    passed = network(images, detail=True, form="static")
    recorded = record(network, _batches(images, 4, 4, 1), logits=True)
    assert np.array_equal(recorded.routes, passed.routes.numpy())
    assert len(np.unique(recorded.routes, axis=0)) > 1
    assert recorded.logits is not None
    assert passed.logits is not None
    assert np.allclose(recorded.logits, passed.logits.detach().numpy(), atol=1e-5)
    losses = nn.functional.cross_entropy(passed.outputs, LABELS, reduction="none")
    assert np.allclose(recorded.losses, losses.detach().numpy(), atol=1e-4)
    assert recorded.accuracy_percent == pytest.approx(100 * float((passed.outputs.argmax(1) == LABELS).float().mean()))


def test_the_gate_and_the_mode_are_as_before(resnet14: nn.Module, images: Tensor) -> None:
    network = make_fractional(resnet14, SKIPNET).train()
    gate = network.gate
    record(network, _batches(images, 9), logits=True)
    assert network.gate is gate
    assert network.training
    assert record(network, _batches(images, 9)).logits is None


@pytest.mark.parametrize(
    "routes", [1, "full", np.array([1, 0, 1, 0, 1]), np.array([[1, 0, 1, 0, 1]] * 4 + [[0] * 5] * 5)]
)
def test_forced_routes_reach_the_inputs_they_are_for(resnet14: nn.Module, images: Tensor, routes: object) -> None:
    network = _stirred(make_fractional(resnet14, SKIPNET))
    wanted = np.broadcast_to(1 if routes == "full" else routes, (9, 5)) if isinstance(routes, str) else routes
    recorded = record(network, _batches(images, 5, 4), routes=routes)
    assert np.array_equal(recorded.routes, np.broadcast_to(np.asarray(wanted), (9, 5)))


def test_no_batch_is_refused(resnet14: nn.Module) -> None:
    with pytest.raises(DataError, match="no batch"):
        record(make_fractional(resnet14, SKIPNET), [])


def test_an_upfront_gate_made_for_the_input_is_heard_too(resnet14: nn.Module, images: Tensor) -> None:
    gate = UpfrontGate([8, 8, 16, 16, 32], 2, source="input")
    network = _stirred(make_fractional(resnet14, SKIPNET, gate))
    recorded = record(network, _batches(images, 5, 4), logits=True)
    assert recorded.logits is not None
    assert np.array_equal(recorded.logits.argmax(2), recorded.routes)
