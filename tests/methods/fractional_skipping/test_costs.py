"""CP as the paper counts it, MACs of the paper's networks, and its supplement's figures through our formula."""

import numpy as np
import pytest
import torch

from netchip.errors import ConfigError
from netchip.graph.to_workload import to_workload
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.costs import CostTable, cost_table
from netchip.methods.fractional_skipping.options import INT8, PAPER_4, PAPER_7, SKIPNET
from netchip.models.resnet_cifar import CifarResNet
from netchip.workload.network import Workload


def _sites(depth: int) -> list[BlockSite]:
    """Every block of a CIFAR ResNet but the first."""
    names = [f"layer{stage}.{index}" for stage in (1, 2, 3) for index in range((depth - 2) // 6)]
    return [
        BlockSite(name=name, shortcut=f"{name}.shortcut" if name in ("layer2.0", "layer3.0") else None)
        for name in names[1:]
    ]


def _workload(depth: int) -> Workload:
    return to_workload(CifarResNet(depth, classes=10, width=1.0, in_channels=3), torch.zeros(1, 3, 32, 32))


@pytest.fixture(scope="module")
def resnet38() -> Workload:
    return _workload(38)


def _all(option: str, blocks: int = 17) -> list[int]:
    return [PAPER_7.index(option)] * blocks


@pytest.mark.parametrize(("option", "percent"), [("full", 100), ("16", 25), ("8", 6.25), ("skip", 0)])
def test_one_option_throughout(option: str, percent: float) -> None:
    table = cost_table("paper", _sites(38), PAPER_7)
    assert 100 * table.gated(_all(option)) == pytest.approx([percent])
    assert table.reachable == (0, 1)


@pytest.mark.parametrize(("depth", "gated", "millions"), [(38, 17, 83.28), (74, 35, 168.2), (110, 53, 253.1)])
def test_macs_of_the_papers_networks(depth: int, gated: int, millions: float) -> None:
    """Section 10, tests 6 and 7 of the notes: totals, the stem's 0.442 M, and how many blocks are gated."""
    workload, sites = _workload(depth), _sites(depth)
    assert len(sites) == gated
    assert workload.macs / 1e6 == pytest.approx(millions, rel=5e-4)
    assert workload.layers[0].macs == 442_368
    table = cost_table("macs", sites, SKIPNET, workload)
    assert table.always_on is not None
    assert table.always_on + table.reference == workload.macs


def test_share_of_the_whole_network(resnet38: Workload) -> None:
    """The paper's CP of 20 % is 25.0 % of the whole ResNet-38, and a CP of 0 still costs 6.20 %."""
    table = cost_table("paper", _sites(38), PAPER_7, resnet38)
    assert 100 * table.whole(_all("skip"))[0] == pytest.approx(6.20, abs=0.005)
    assert 100 * table.whole_of_gated(0.2) == pytest.approx(25.0, abs=0.05)
    assert table.whole(_all("full"))[0] == pytest.approx(1)


def test_macs_rule_counts_the_shortcut_of_a_skip(resnet38: Workload) -> None:
    """A transition has 32 (16 * 9 + 32 * 9) 256 MACs and a shortcut of 16 * 32 * 256 that a skip still runs."""
    table = cost_table("macs", _sites(38), PAPER_4, resnet38)
    transition, shortcut = 32 * (16 * 9 + 32 * 9) * 256, 16 * 32 * 256
    row = table.blocks.index("layer2.0")
    assert table.costs[row].tolist() == [
        shortcut,
        (transition + shortcut) / 16,
        (transition + shortcut) / 4,
        transition + shortcut,
    ]
    assert table.costs[0].tolist() == [0, 4718592 / 16, 4718592 / 4, 4718592]
    assert table.unit == "MACs of 32 x 32 bits"


def test_against_int8(resnet38: Workload) -> None:
    """All 8-bit is the int8 network, all 16-bit four of them, in full sixteen."""
    table = cost_table("int8", _sites(38), PAPER_7, resnet38)
    assert table.gated([_all("8"), _all("16"), _all("full")]).tolist() == pytest.approx([1, 4, 16])
    assert table.whole(_all("8"))[0] == pytest.approx(1)
    few = cost_table("int8", _sites(38), INT8, resnet38)
    assert np.array_equal(few.costs, cost_table("macs", _sites(38), INT8, resnet38).costs)
    floating = cost_table("int8", _sites(38), INT8, resnet38, always_on_bits=32)
    assert floating.always_on is not None
    assert floating.always_on == 16 * (few.always_on or 0)


# The supplement's figures 12-15: DFS-ResNet74 on CIFAR-10, block number (2..36) -> share of the dearer of two options.
# Bars read by eye: those that section 6 of the notes gives by value are taken as given, "mixed" is half, ranges are at their
# middle, "a little" is a tenth. The tolerances say how much of the figure that leaves open.


def _supplement(cheap: str, dear: str, dear_share: dict[int, float], elsewhere: float) -> np.ndarray:
    rates = np.zeros((35, len(PAPER_4)))
    for row in range(35):
        share = dear_share.get(row + 2, elsewhere)
        rates[row, PAPER_4.index(dear)] += share
        rates[row, PAPER_4.index(cheap)] += 1 - share
    return rates


def _paper_table() -> CostTable:
    return cost_table("paper", _sites(74), PAPER_4)


def test_supplement_at_20_percent() -> None:
    """8 bit in blocks 2-5, 21-25, 27; mixed in 8, 20, 25, 26: 19.2 %."""
    share: dict[int, float] = dict.fromkeys((2, 3, 4, 5, 21, 22, 23, 24, 25, 27), 0.0)
    share |= dict.fromkeys((8, 20, 26), 0.5)
    rates = _supplement("8", "16", share, 1.0)
    assert 100 * _paper_table().gated_of_rates(rates) == pytest.approx(19.2, abs=0.6)


def test_supplement_at_30_percent() -> None:
    """All 16 bit but "keep" in 4 (.56), 23 (.83), 25 (.77), a little in 22, 24, 32: 30.5 %."""
    keep = {4: 0.56, 23: 0.83, 25: 0.77} | dict.fromkeys((22, 24, 32), 0.1)
    rates = _supplement("16", "full", keep, 0.0)
    assert 100 * _paper_table().gated_of_rates(rates) == pytest.approx(30.5, abs=0.3)


def test_supplement_at_40_percent() -> None:
    """ "Keep" in 2 (.67), 4, 23, 25 (about 1), 22, 24, 29, 32 (.4-.6): 40.1 %."""
    keep = {2: 0.67, 4: 1.0, 23: 1.0, 25: 1.0} | dict.fromkeys((22, 24, 29, 32), 0.5)
    gated = 100 * _paper_table().gated_of_rates(_supplement("16", "full", keep, 0.0))
    assert gated == pytest.approx(40.1, abs=3.0)
    low = 100 * _paper_table().gated_of_rates(_supplement("16", "full", dict.fromkeys((4, 23, 25), 1.0), 0.0))
    assert low < 40.1, "the mixed blocks are needed to reach the figure"


def test_supplement_at_50_percent() -> None:
    """ "Keep" about 1 in 2, 4, 12, 22-25, and the third group (25-36) mixed between .2 and .8: 51.9 %."""
    keep = dict.fromkeys((2, 4, 12, 22, 23, 24, 25), 1.0) | dict.fromkeys(range(26, 37), 0.5)
    gated = 100 * _paper_table().gated_of_rates(_supplement("16", "full", keep, 0.0))
    assert gated == pytest.approx(51.9, abs=1.0)


def test_masks_and_routes_agree_and_masks_carry_the_gradient() -> None:
    table = cost_table("paper", _sites(38), PAPER_7)
    routes = torch.randint(0, 7, (5, 17), generator=torch.Generator().manual_seed(0))
    masks = torch.nn.functional.one_hot(routes, 7).double().requires_grad_()
    share = table.gated_of_masks(masks)
    assert share.tolist() == pytest.approx(table.gated(routes.numpy()).tolist())
    share.sum().backward()
    assert masks.grad is not None
    assert masks.grad[0, 0].tolist() == pytest.approx([cost / 17 for cost in PAPER_7.costs])


def test_a_block_that_cannot_be_skipped_costs_its_cheapest_option() -> None:
    sites = [BlockSite(name="a"), BlockSite(name="b", why_not="its shape changes and it has no shortcut")]
    table = cost_table("paper", sites, PAPER_4)
    assert table.costs[:, 0].tolist() == [0, 1 / 16]
    assert table.reachable == (1 / 32, 1)


def test_what_is_refused(resnet38: Workload) -> None:
    with pytest.raises(ConfigError, match="rule = 'flops': costs follow one of paper, macs, int8"):
        cost_table("flops", _sites(38), PAPER_4)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError, match="there is no gated block to cost"):
        cost_table("paper", [], PAPER_4)
    with pytest.raises(ConfigError, match="rule = 'macs' counts multiply-accumulates; give the workload"):
        cost_table("macs", _sites(38), PAPER_4)
    with pytest.raises(
        ConfigError, match=r"block 'features.3' has no layer in this workload, whose layers are conv1, "
    ):
        cost_table("macs", [BlockSite(name="features.3")], PAPER_4, resnet38)
    table = cost_table("paper", _sites(38), PAPER_4)
    with pytest.raises(ConfigError, match="routes of 3 blocks; this table has 17"):
        table.gated([0, 1, 2])
    with pytest.raises(ConfigError, match="what runs beside the gated blocks was not counted"):
        table.whole([0] * 17)
    with pytest.raises(ConfigError, match=r"a cost table of \(2, 2\)"):
        CostTable(("a",), PAPER_4, np.ones((2, 2)), 1.0, None, "blocks")
    with pytest.raises(ConfigError, match="a cost is negative or no number"):
        CostTable(("a",), SKIPNET, np.array([[0, float("nan")]]), 1.0, None, "blocks")
