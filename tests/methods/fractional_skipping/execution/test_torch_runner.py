"""The routed form with its time told apart is the routed form."""

from typing import Any

import pytest
import torch

from netchip.methods.fractional_skipping.execution.spent import Spent
from netchip.methods.fractional_skipping.execution.torch_runner import TorchRunner


@torch.no_grad()
def test_outputs_are_the_network_s_and_the_parts_are_its_time(exported: Any) -> None:
    spent = Spent()
    found = TorchRunner(exported.network)(exported.images, spent)
    assert torch.equal(found, exported.network(exported.images))
    assert min(spent.deciding_s, spent.moving_s, spent.computing_s) > 0
    assert spent.routing_s == spent.deciding_s + spent.moving_s


@torch.no_grad()
def test_without_few_bits_only_skips_are_skipped(exported: Any) -> None:
    network, image = exported.network, exported.images[:1]
    first = int(network(image, detail=True).routes[0, 0])
    found = TorchRunner(network, few_bits=False)(image)
    tails = [[first and 3, *tail] for tail in torch.cartesian_prod(*[torch.tensor([0, 3])] * 4).tolist()]
    assert any(found == pytest.approx(network(image, routes=tail), abs=1e-6) for tail in tails)
