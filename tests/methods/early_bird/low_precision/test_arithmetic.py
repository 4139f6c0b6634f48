"""The arithmetic of a phase: which settings it trains with, and what it does to numbers."""

import pytest
import torch
from torch import nn

from netchip.methods.early_bird.low_precision.arithmetic import Arithmetic, training_spec
from netchip.train.spec import TrainSpec


@pytest.mark.parametrize(
    ("precision", "given", "used"),
    [("full", "bf16", "bf16"), ("full", "no", "no"), ("bf16", "no", "bf16"), ("bfp8", "bf16", "no")],
)
def test_which_precision_a_phase_trains_in(precision: str, given: str, used: str) -> None:
    spec = training_spec(TrainSpec.parse({"precision": given}), precision)  # type: ignore[arg-type]
    assert spec.precision == used


@pytest.mark.parametrize("precision", ["full", "bf16"])
def test_other_precisions_touch_nothing(network: nn.Sequential, example: torch.Tensor, precision: str) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    arithmetic = Arithmetic(precision, network, 0)  # type: ignore[arg-type]
    arithmetic.after_backward()
    arithmetic.after_step(optimizer)
    arithmetic.remove()
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert arithmetic.state_dict() == {}


def test_eight_bits_leave_few_values(network: nn.Sequential, example: torch.Tensor) -> None:
    """One exponent a filter: a filter of 9 weights holds at most 2^8 levels, all multiples of its step."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    arithmetic = Arithmetic("bfp8", network, 0)
    network(example).square().sum().backward()
    arithmetic.after_backward()
    optimizer.step()
    arithmetic.after_step(optimizer)
    for rows in network[0].weight.detach().flatten(1):
        step = 2.0 ** (torch.frexp(rows.abs().max())[1].item() - 1 - 6)
        torch.testing.assert_close(rows / step, (rows / step).round(), rtol=0, atol=0)
    arithmetic.remove()
    assert not any(module._forward_hooks for module in network.modules())


def test_a_resumed_phase_rounds_alike(network: nn.Sequential, example: torch.Tensor) -> None:
    arithmetic = Arithmetic("bfp8", network, 0)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(example).square().sum().backward()
    arithmetic.after_backward()
    arithmetic.after_step(optimizer)
    state = arithmetic.state_dict()
    arithmetic.remove()
    other = Arithmetic("bfp8", network, 0)
    other.load_state_dict(state)
    assert other.state_dict() == state
