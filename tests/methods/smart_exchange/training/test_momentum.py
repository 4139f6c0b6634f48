"""Pruned weights stay zero through what an optimizer remembers."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.training.momentum import check_holds, keep_zero

OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], Optimizer]] = {
    "momentum": lambda parameters: SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda parameters: SGD(parameters, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda parameters: Adam(parameters, lr=0.1, amsgrad=True),
    "adamw": lambda parameters: AdamW(parameters, lr=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_masked_weights_have_neither_value_nor_moments(name: str) -> None:
    weight = nn.Parameter(torch.ones(2, 2))
    optimizer = OPTIMIZERS[name]([weight])
    kept = torch.tensor([[True, False], [True, True]])
    for _ in range(3):
        weight.grad = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        optimizer.step()
        keep_zero(weight, kept, optimizer)
        assert float(weight[0, 1]) == 0.0
    moments = [value for value in optimizer.state[weight].values() if torch.is_tensor(value) and value.ndim == 2]
    assert moments
    for moment in moments:
        assert float(moment[0, 1]) == 0.0
        assert bool((moment[kept] != 0).all())
    # without a gradient of its own nothing pushes the pruned weight any more
    weight.grad = torch.zeros(2, 2)
    optimizer.step()
    assert float(weight[0, 1]) == 0.0


def test_an_optimizer_without_the_weights_is_refused_by_name() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    optimizer = SGD(network[0].parameters(), lr=0.1)
    check_holds(optimizer, {"0.weight": network[0].weight})
    with pytest.raises(ConfigError, match=r"does not hold 1\.weight, which SmartExchange trains"):
        check_holds(optimizer, {"0.weight": network[0].weight, "1.weight": network[1].weight})
