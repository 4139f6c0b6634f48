"""Zeroed channels, whatever they held."""

import torch
from torch import nn

from netchip.nn.masking import mask_input, zero_channels

KEEP = torch.tensor([True, False, True])


def test_zeroes_only_what_is_not_kept() -> None:
    x = torch.arange(12.0).view(2, 3, 2) + 1
    y = zero_channels(x, KEEP)
    assert torch.equal(y[:, KEEP], x[:, KEEP])
    assert y[:, 1].eq(0).all()
    assert torch.equal(zero_channels(x.transpose(1, 2), KEEP, dim=-1), y.transpose(1, 2))


def test_not_a_number_is_zeroed_too() -> None:
    assert zero_channels(torch.full((1, 3), torch.nan), KEEP)[0, 1] == 0


def test_no_gradient_flows_through_zeroed_channels() -> None:
    x = torch.ones(1, 3, requires_grad=True)
    zero_channels(x, KEEP).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1.0, 0.0, 1.0]]


def test_masked_module_until_the_handle_is_removed() -> None:
    linear = nn.Linear(3, 1, bias=False)
    nn.init.ones_(linear.weight)
    handle = mask_input(linear, KEEP, dim=-1)
    assert linear(torch.tensor([[1.0, 10.0, 100.0]])).item() == 101.0
    handle.remove()
    assert linear(torch.tensor([[1.0, 10.0, 100.0]])).item() == 111.0
