"""What SmartExchange could treat, told before any training."""

import torch
from torch import nn

from netchip.methods.smart_exchange.treatment import treatment
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec


def test_a_resnet_is_treated_but_for_what_gains_nothing() -> None:
    spec = ModelSpec(name="resnet8", in_channels=1, image_size=8)
    found = treatment(build(spec), example_input(spec))
    assert len(found.treats) >= 7
    assert found.channels >= 16 * 2 + 32 * 2 + 64 * 2


def test_a_network_without_weights_says_so() -> None:
    found = treatment(nn.Sequential(nn.ReLU()), torch.zeros(1, 3))
    assert (found.treats, found.channels) == ((), 0)
    assert "no weight of this network that SmartExchange can treat" in found.why_not
