"""The L1 sub-gradient on scales, by hand."""

import pytest
import torch
from torch import nn

from netchip.methods.early_bird.slimming import add_slimming_gradient


def test_adds_the_sign_once_to_what_has_a_gradient() -> None:
    norm, frozen, plain = nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, 0.0, -2.0]))
    norm.weight.grad = torch.tensor([1.0, 1.0, 1.0])
    norm.bias.grad = torch.zeros(3)
    add_slimming_gradient([norm, frozen, plain], 0.25)
    assert norm.weight.grad.tolist() == [1.25, 1.0, 0.75]
    assert norm.bias.grad.eq(0).all()
    assert frozen.weight.grad is None


def test_one_sgd_step_pulls_scales_by_rate_times_l1() -> None:
    norm = nn.BatchNorm1d(2)
    norm.weight.grad, norm.bias.grad = torch.zeros(2), torch.zeros(2)
    add_slimming_gradient([norm], 1e-2)
    torch.optim.SGD(norm.parameters(), lr=0.1).step()
    assert norm.weight.tolist() == pytest.approx([1 - 1e-3] * 2)


@pytest.mark.parametrize("norms", [[], [nn.BatchNorm2d(2)]])
def test_nothing_to_pull_is_no_error(norms: list[nn.Module]) -> None:
    add_slimming_gradient(norms, 1e-4)
    assert all(norm.weight.grad is None for norm in norms)
