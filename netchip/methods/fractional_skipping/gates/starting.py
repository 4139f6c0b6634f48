"""How a gate starts: with the option that costs most ahead of the others, so that training begins near the full network.

The paper spends a training stage on this. Its effect is a bias of the head: after 2,000 iterations at the released
settings the full option has a probability of 0.32 to 0.41 among 7 (measured for the notes on the released code).
"""

import math

import torch
from torch import nn

from netchip.errors import ConfigError

FULL_ODDS = 0.35 / (0.65 / 6)
"""Odds of the full option against each other one: 0.35 among 7, 0.76 of 2."""


def favour_full(bias: nn.Parameter, options: int, odds: float = FULL_ODDS) -> None:
    """Adds to the head's bias [n K] what makes the last option `odds` times as likely as each other. In place.

    Raises `ConfigError` for odds that are not above 0.
    """
    if not odds > 0:
        raise ConfigError(f"odds = {odds}: how many times as likely the full option is as another; above 0")
    with torch.no_grad():
        bias.view(-1, options)[:, -1] += math.log(odds)


def paper_init(module: nn.Module) -> None:
    """Weights of the released code: N(0, sqrt(2 / outputs)) for projections, N(0, sqrt(2 / (inputs outputs))) for heads."""
    for each in module.modules():
        if isinstance(each, nn.Conv2d):
            nn.init.normal_(each.weight, 0.0, math.sqrt(2.0 / each.out_channels))
        elif isinstance(each, nn.Linear):
            nn.init.normal_(each.weight, 0.0, math.sqrt(2.0 / each.weight.numel()))
