"""Which weights are treated, and which of their rows go."""

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.training.planning import filters_kept, plan_weights, row_shares
from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange

DEFAULT = SmartExchangeSettings()


def a_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(8, 24, 3), nn.BatchNorm2d(24), nn.ReLU(), nn.Conv2d(24, 16, 1), nn.Linear(2, 2))


def test_a_weight_that_gains_nothing_is_left_alone_with_the_bits() -> None:
    weights, passed = plan_weights(a_network(), DEFAULT)
    assert list(weights) == ["0.weight", "3.weight"]
    assert [each.name for each in passed] == ["4.weight"]
    assert passed[0].reason.startswith("packed it takes")


def test_settings_cut_the_blocks() -> None:
    weights, _ = plan_weights(a_network(), DEFAULT.changed(height=12))
    assert (weights["0.weight"].tiling.rows, weights["0.weight"].tiling.slices) == (12, 2)


def test_the_first_pattern_that_fits_names_the_share() -> None:
    settings = DEFAULT.changed(row_sparsity=0.1, row_sparsity_of={"0": 0.5, "*": 0.2})
    assert row_shares(plan_weights(a_network(), settings)[0], settings) == {"0.weight": 0.5, "3.weight": 0.2}


def test_filters_of_least_gamma_go_whole_and_for_good() -> None:
    network = a_network()
    network[1].weight.data = torch.arange(24.0) - 6.0  # the quarter of least |gamma|: indices 4 to 8, and 3 before 9
    SmartExchange(network, channel_share=0.25).project()
    gone = [index for index in range(24) if not bool(network[0].weight[index].any())]
    assert gone == [3, 4, 5, 6, 7, 8]
    assert bool(network[3].weight.any())


def test_a_norm_in_another_module_is_not_that_of_the_convolution() -> None:
    network = nn.Sequential(nn.Sequential(nn.Conv2d(8, 24, 3)), nn.BatchNorm2d(24))
    weights, _ = plan_weights(network, DEFAULT)
    with pytest.raises(ConfigError, match=r"channel_share = 0\.5: no treated convolution has a BatchNorm"):
        filters_kept(network, weights, 0.5)


def test_filters_in_lock_step_lose_the_same_rows() -> None:
    network = a_network()
    exchange = SmartExchange(network, row_sparsity=0.5, lock_step=8)
    exchange.project()
    rows = exchange.masks["0.weight"].reshape(3, 8, 24, 3)
    assert bool((rows == rows[:, :1]).all())
    assert not bool(rows.all())
