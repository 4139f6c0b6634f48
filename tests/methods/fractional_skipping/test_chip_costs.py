"""Costs of blocks on a chip add up to the chip's own report, and a budget in pJ becomes a share that a route can keep."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from netchip.cli.main import main
from netchip.errors import BudgetError, ConfigError
from netchip.graph.to_workload import to_workload
from netchip.hardware.budget import Budget
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.network_cost import cost
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.chip_costs import Quantity, chip_budget, chip_cost_table, share_left
from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.options import INT8
from netchip.methods.fractional_skipping.workload import fractional_workload, rates_of
from netchip.models.resnet_cifar import CifarResNet
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

FEW = RandomMapper(samples=400, unrollings=16, candidates=64)
CHIP = load_chip("generic")
GATE = (Layer("gate.0.head", LayerShape.linear(in_features=16, out_features=6)),)
SITES = [
    BlockSite(name="layer2.0", shortcut="layer2.0.shortcut"),
    BlockSite(name="layer3.0", shortcut="layer3.0.shortcut"),
]


@pytest.fixture(scope="module")
def plain() -> Workload:
    return to_workload(CifarResNet(8, classes=10, width=1.0, in_channels=3), torch.zeros(1, 3, 32, 32))


def _table(quantity: Quantity, plain: Workload, sites: list[BlockSite] = SITES) -> CostTable:
    return chip_cost_table(quantity, CHIP, sites, INT8, plain, gate=GATE, mapper=FEW, cached=False)


@pytest.mark.parametrize("quantity", ["energy", "latency"])
def test_a_route_costs_what_the_chip_says_of_its_workload(plain: Workload, quantity: Quantity) -> None:
    table = _table(quantity, plain)
    assert table.unit == {"energy": "pJ on generic", "latency": "s on generic"}[quantity]
    for route in ([5, 5], [0, 3], [2, 0]):
        made = fractional_workload(plain, SITES, INT8, rates_of([route], INT8), gate=GATE)
        report = cost(made, CHIP, mapper=FEW, objective=quantity, cached=False)
        whole = report.energy_pj if quantity == "energy" else report.latency_s
        assert (table.always_on or 0) + table.of_routes(route)[0] == pytest.approx(whole, rel=1e-9)


def test_fewer_bits_cost_less_and_a_skip_its_shortcut(plain: Workload) -> None:
    costs = _table("energy", plain).costs
    assert (np.diff(costs[:, 1:]) > 0).all()
    assert (costs[:, 0] > 0).all()
    assert (costs[:, 0] < 0.3 * costs[:, 5]).all()
    fixed = [SITES[0], BlockSite(name="layer3.0", why_not="its output has another shape")]
    assert _table("energy", plain, fixed).costs[1, 0] == pytest.approx(costs[1, 1])


def test_a_budget_in_pj_becomes_a_share_that_keeps_it(plain: Workload) -> None:
    table = _table("energy", plain)
    whole = (table.always_on or 0) + table.of_routes([5, 3])[0]
    found = chip_budget(Budget(energy_pj=whole), CHIP, SITES, INT8, plain, gate=GATE, mapper=FEW, cached=False)
    assert found.share == pytest.approx(table.gated([5, 3])[0])
    assert np.array_equal(found.table.costs, table.costs)
    assert share_left(table, 10 * whole) == table.reachable[1]
    with pytest.raises(
        BudgetError, match=r"a budget of 1 pJ on generic is out of reach: the options skip, 2, 3, 4, 6, 8 reach "
    ):
        share_left(table, 1.0)


def test_what_is_refused(plain: Workload) -> None:
    with pytest.raises(ConfigError, match="the budget limits energy_pj, latency_s; gates are held to one of energy_pj"):
        chip_budget(Budget(energy_pj=1, latency_s=1), CHIP, SITES, INT8, plain)
    with pytest.raises(ConfigError, match="the budget limits nothing"):
        chip_budget(Budget(), CHIP, SITES, INT8, plain)
    with pytest.raises(ConfigError, match="quantity = 'area': a chip's costs are of energy or latency"):
        chip_cost_table("area", CHIP, SITES, INT8, plain)  # type: ignore[arg-type]


def test_the_efficient_workload_of_a_run_on_two_chips(
    plain: Workload, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = fractional_workload(plain, SITES, INT8, rates_of([[0, 3], [5, 3], [2, 0], [5, 5]], INT8), gate=GATE)
    made.save(tmp_path / "workload_efficient.json")
    words = ["--chip", "generic", "edge-npu", "--mappings", "200", "--json"]
    assert main(["cost", str(tmp_path / "workload_efficient.json"), *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["macs"] == pytest.approx(made.macs)
    assert [each["chip"] for each in found["modelled"]] == ["generic", "edge-npu"]
    for each in found["modelled"]:
        layers = {layer["name"]: layer for layer in each["report"]["layers"]}
        assert layers["layer2.0.conv1@8"]["macs"] == pytest.approx(0.5 * layers["conv1"]["macs"] * 8 / 3, rel=1e-6)
        assert {"layer2.0.conv1@3", "layer3.0.conv1@4", "gate.0.head"} <= layers.keys()
