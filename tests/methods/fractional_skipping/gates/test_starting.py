"""The start of a gate in closed form."""

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.gates.starting import FULL_ODDS, favour_full, paper_init


def test_odds_by_hand() -> None:
    """Three to one against each of two others: 3 / 5."""
    bias = nn.Parameter(torch.zeros(6))
    favour_full(bias, 3, odds=3.0)
    assert bias.view(2, 3).softmax(1)[:, -1].tolist() == pytest.approx([0.6, 0.6])
    seven = nn.Parameter(torch.zeros(7))
    favour_full(seven, 7)
    assert seven.softmax(0)[-1].item() == pytest.approx(0.35)
    assert pytest.approx(3.23, abs=0.01) == FULL_ODDS
    with pytest.raises(ConfigError, match="odds = -1"):
        favour_full(bias, 3, odds=-1)


def test_weights_of_the_released_code() -> None:
    torch.manual_seed(0)
    conv, head = nn.Conv2d(64, 10, 1), nn.Linear(10, 7)
    paper_init(nn.Sequential(conv, head))
    assert conv.weight.std().item() == pytest.approx((2 / 10) ** 0.5, rel=0.1)
    assert head.weight.std().item() == pytest.approx(0.17, rel=0.25)
