"""What could be gated, before any training."""

import torch
from torch import nn

from netchip.methods import find_method
from netchip.methods.fractional_skipping.treatment import treatment


def test_residual_blocks_after_the_first(resnet14: nn.Module) -> None:
    found = treatment(resnet14, torch.randn(1, 3, 12, 12))
    assert found.treats == ("layer1.1", "layer2.0", "layer2.1", "layer3.0", "layer3.1")
    assert found.channels == 8 + 8 + 16 + 16 + 32
    assert found.why_not == ""


def test_a_network_without_residual_blocks_gets_the_reason() -> None:
    found = find_method("fractional-skipping").treatment(nn.Sequential(nn.Linear(2, 3)), torch.zeros(1, 2))
    assert (found.treats, found.channels) == ((), 0)
    assert "has 0 residual blocks" in found.why_not
