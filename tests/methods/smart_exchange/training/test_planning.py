"""Which weights are treated, and which of their rows go."""

import pytest
import torch
from torch import nn

from netchip.errors import BudgetError, ConfigError
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
    network = a_network()
    assert row_shares(network, {}, plan_weights(network, settings)[0], settings) == {"0.weight": 0.5, "3.weight": 0.2}


@pytest.mark.parametrize(("target", "most"), [("2.5 bits", 2.5), ("14x", None), ("30% rows", None)])
def test_a_target_is_met_by_what_is_packed(target: str, most: float | None) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 64, 3), nn.Conv2d(64, 96, 3), nn.BatchNorm2d(96), nn.Conv2d(96, 64, 1))
    exchange = SmartExchange(network, target=target)
    exchange.project()
    packed = exchange.packed()
    stored = 8 * sum(each.bytes for each in packed.values())
    if most is not None:
        assert stored <= most * sum(each.tiling.weights for each in packed.values())
    elif target == "14x":
        rest = [tensor for name, tensor in network.state_dict().items() if name not in packed]
        stored += 8 * sum(tensor.numel() * tensor.element_size() for tensor in rest)
        everything = sum(tensor.numel() for tensor in network.state_dict().values())
        assert stored <= 32 * everything / 14
    else:
        kept = sum(each.counts.kept_rows for each in packed.values())
        assert kept <= 0.3 * sum(each.counts.real_rows for each in packed.values())
    assert len({round(share, 3) for share in exchange.row_sparsity.values()}) > 1 or most is None


def test_a_target_out_of_reach_names_the_nearest() -> None:
    with pytest.raises(BudgetError, match=r"target 900x cannot be reached: the nearest is \d"):
        SmartExchange(a_network(), target="900x").project()
    with pytest.raises(ConfigError, match="target = 'tiny': write"):
        SmartExchange(a_network(), target="tiny")
    with pytest.raises(ConfigError, match="chooses the row sparsities itself"):
        SmartExchange(a_network(), target="8x", row_sparsity=0.5)


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
