"""Inputs of layers on 8 bits: ranges by hand, hooks that come off, ranges that resume."""

import copy

import pytest
import torch
from torch import Tensor, nn

from netchip.errors import CheckpointMismatch, ConfigError
from netchip.methods.smart_exchange.training.activations import Activations
from netchip.methods.smart_exchange.training.settings import ActivationSettings

MINMAX = ActivationSettings(range="minmax")


def identity() -> nn.Sequential:
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.data = torch.eye(2)
    return nn.Sequential(layer)


def test_minmax_takes_the_outermost_values_of_all_batches() -> None:
    network = identity()
    activations = Activations(network, ["0"], MINMAX)
    activations.calibrate([torch.tensor([[-1.0, 0.5]]), (torch.tensor([[0.25, 3.0]]),)])
    assert activations.ranges == {"0": (-1.0, 3.0)}


def test_inputs_land_on_the_grid_and_gradients_stop_outside_its_range() -> None:
    """Range [0, 3] at 2 bits: the grid is 0, 1, 2, 3."""
    network = identity()
    activations = Activations(network, ["0"], ActivationSettings(bits=2, range="minmax"))
    activations.calibrate([torch.tensor([[0.0, 3.0]])])
    x = torch.tensor([[0.9, 5.0]], requires_grad=True)
    out = network(x)
    assert out.tolist() == [[1.0, 3.0]]
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1.0, 0.0]]


def test_percentiles_clip_what_lies_outside() -> None:
    network = identity()
    values = torch.arange(1001.0).reshape(-1, 1).repeat(1, 2)
    activations = Activations(network, ["0"], ActivationSettings(percentile=90.0)).calibrate([values])
    low, high = activations.ranges["0"]
    assert (low, high) == (pytest.approx(100.0), pytest.approx(900.0))


def test_a_moving_range_weighs_the_newest_batch_and_stays_in_eval() -> None:
    """0.1 of [0, 10] and 0.9 of [-1, 20] is [-0.9, 19]."""
    network = identity()
    activations = Activations(network, ["0"], ActivationSettings(range="moving"))
    network(torch.tensor([[0.0, 10.0]]))
    network(torch.tensor([[-1.0, 20.0]]))
    assert activations.ranges["0"] == (pytest.approx(-0.9), pytest.approx(19.0))
    network.eval()(torch.tensor([[-99.0, 99.0]]))
    assert activations.ranges["0"] == (pytest.approx(-0.9), pytest.approx(19.0))


def test_eight_bits_are_within_half_a_step_and_removing_ends_it() -> None:
    network, x = identity(), torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    activations = Activations(network, ["0"], MINMAX).calibrate([x])
    low, high = activations.ranges["0"]
    rounded = network(x)
    assert (
        0 < float((rounded - x).detach().abs().max()) <= (high - low) / 255
    )  # the zero point moves the ends by half a step
    activations.remove()
    assert torch.equal(network(x), x)


def test_whole_numbers_pass_and_a_copy_of_the_network_goes_on_rounding() -> None:
    network = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 2))
    activations = Activations(network, ["0", "1"], MINMAX)
    activations.calibrate([torch.tensor([0, 1, 2, 3])])
    assert list(activations.ranges) == ["1"]
    assert torch.equal(copy.deepcopy(network)(torch.tensor([1])), network(torch.tensor([1])))


def test_ranges_resume() -> None:
    network = identity()
    saved = Activations(network, ["0"], MINMAX).calibrate([torch.tensor([[-1.0, 0.5]])]).state_dict()
    other = Activations(identity(), ["0"], MINMAX)
    other.load_state_dict(saved)
    assert other.ranges == {"0": (-1.0, 0.5)}
    with pytest.raises(CheckpointMismatch, match="of other settings or layers"):
        Activations(identity(), ["0"], ActivationSettings(bits=4, range="minmax")).load_state_dict(saved)


def test_bad_calls_are_refused() -> None:
    network = identity()
    with pytest.raises(ConfigError, match="the network has no layer 'one'"):
        Activations(network, ["one"])
    activations = Activations(network, ["0"], MINMAX)
    with pytest.raises(ConfigError, match="inputs of 0 have no range yet"):
        network(torch.zeros(1, 2))
    with pytest.raises(ConfigError, match="no batch reached a treated layer"):
        activations.calibrate([])
    with pytest.raises(ConfigError, match="inputs of 0 hold NaN or infinity"):
        activations.calibrate([torch.full((1, 2), float("nan"))])


def test_training_goes_on_through_the_rounding() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    Activations(network, ["0", "3"], MINMAX).calibrate([torch.randn(8, 1, 4, 4)])
    images: Tensor = torch.randn(8, 1, 4, 4)
    network(images).square().sum().backward()
    assert all(bool(parameter.grad.abs().sum() > 0) for parameter in network.parameters())  # type: ignore[union-attr]
