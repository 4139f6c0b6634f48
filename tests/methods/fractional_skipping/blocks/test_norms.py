"""A quiet norm normalises as the norm does and leaves its statistics alone."""

import torch
from torch import nn

from netchip.methods.fractional_skipping.blocks.norms import QuietNorm


def test_same_result_no_update_same_gradient() -> None:
    norm = nn.BatchNorm2d(3)
    quiet, x = QuietNorm(norm), torch.randn(4, 3, 5, 5)
    before = {name: each.clone() for name, each in norm.state_dict().items()}
    y = quiet(x)
    y.square().mean().backward()
    assert all(torch.equal(each, before[name]) for name, each in norm.state_dict().items())
    assert norm.weight.grad is not None
    assert torch.equal(y, norm(x))
    assert norm.num_batches_tracked == 1
    norm.eval()
    assert torch.equal(quiet(x), norm(x)), "in evaluation it is the norm"
    assert list(quiet.parameters()) == []
