"""The mean of weights, and BatchNorm measured for it."""

import pytest
import torch
from torch import nn

from netchip.methods.smart_exchange.training.averaging import Averaged, measure_batch_norm


def test_the_mean_of_three_weights_and_its_resume() -> None:
    network = nn.Linear(1, 1, bias=False)
    averaged = Averaged(network)
    for value in (1.0, 2.0, 6.0):
        network.weight.data.fill_(value)
        averaged.update(network)
    assert averaged.count == 3
    assert averaged.network().weight.item() == pytest.approx(3.0)
    other = Averaged(nn.Linear(1, 1, bias=False))
    other.load_state_dict(averaged.state_dict())
    network.weight.data.fill_(7.0)
    other.update(network)
    assert other.network().weight.item() == pytest.approx(4.0)
    assert averaged.network().weight.item() == pytest.approx(3.0)


def test_batch_norm_is_measured_over_all_batches_with_equal_share() -> None:
    """Means 1 and 3 of two batches: 2. Momentum and mode are as before."""
    network = nn.Sequential(nn.BatchNorm1d(1, momentum=0.5)).eval()
    batches = [torch.tensor([[0.0], [2.0]]), torch.tensor([[2.0], [4.0]])]
    measure_batch_norm(network, batches)
    norm = network[0]
    assert float(norm.running_mean) == pytest.approx(2.0)
    assert float(norm.running_var) == pytest.approx(2.0)
    assert (norm.momentum, network.training) == (0.5, False)
