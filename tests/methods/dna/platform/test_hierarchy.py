"""Hierarchies as a platform: one objective for both searches, limits kept, refusals that say why."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from netchip.errors import BudgetError, RequestError
from netchip.hardware.fpga.board import load_board
from netchip.hardware.hierarchy.technology import load_technology
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.platform.designs import HierarchyDesign, design_from_json
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.limits import matched
from netchip.methods.dna.platform.spaces import spaces_by_map_size
from netchip.workload.network import Workload

TECHNOLOGY = load_technology("dosa-40nm")
LAYERS = example_layers("cifar")
NETWORK = Workload(LAYERS[:4])
FREE = HierarchyPlatform(technology=TECHNOLOGY, calls=300)
DESIGN = FREE.best(NETWORK)
REPORT = FREE.report(DESIGN, NETWORK)


def test_report_loads_and_cost_agree() -> None:
    loads = FREE.loads(DESIGN, NETWORK.layers)
    assert loads.shape == (2, 4)
    assert np.isfinite(loads).all()
    energy, latency = loads.sum(1)
    assert REPORT.energy_pj == pytest.approx(energy)
    assert REPORT.latency_s == pytest.approx(latency)
    assert FREE.cost(DESIGN, NETWORK) == pytest.approx(energy * latency)
    assert REPORT.cost == REPORT.edp_pj_s == pytest.approx(energy * latency)
    assert REPORT.fps == pytest.approx(1 / latency)
    assert [row.energy_pj for row in REPORT.layers] == pytest.approx(loads[0])
    assert all(0 < row.utilisation <= 1 for row in REPORT.layers)
    least_bits = 16 * sum(layer.shape.weights + layer.shape.outputs for layer in NETWORK.layers)
    assert sum(row.traffic_bits for row in REPORT.layers) >= least_bits
    assert REPORT.over == {}


def test_combining_is_the_objective_and_has_a_gradient() -> None:
    totals = torch.tensor([3.0, 5.0], dtype=torch.float64, requires_grad=True)
    FREE.combine(totals).backward()
    assert totals.grad is not None
    assert totals.grad.tolist() == [5, 3]
    assert replace(FREE, objective="energy").combine(totals).item() == 3
    assert replace(FREE, objective="latency").combine(totals).item() == 5


def test_targets_are_those_of_the_objective() -> None:
    asked = replace(FREE, limits={"energy_pj": 7.0, "latency_s": 0.5}, edp_pj_s=9.0)
    assert [replace(asked, objective=each).target for each in ("edp", "energy", "latency")] == [9, 7, 0.5]
    assert FREE.target == float("inf")
    assert replace(asked, fps=4, objective="latency").target == 0.25


def test_a_search_goes_on_from_its_start() -> None:
    again = replace(FREE, calls=64, seed=1)
    assert again.cost(again.best(NETWORK, start=DESIGN), NETWORK) <= FREE.cost(DESIGN, NETWORK)
    assert again.cost(again.best(NETWORK), NETWORK) > FREE.cost(DESIGN, NETWORK)


def test_kinds_that_the_network_lacked_can_be_run_all_the_same() -> None:
    plain = Workload(tuple(layer for layer in NETWORK.layers if layer.shape.groups == 1))
    deep = [layer for layer in LAYERS if layer.shape.groups > 1]
    loads = FREE.loads(FREE.best(plain), deep[:2])
    assert np.isfinite(loads).all()
    kept = FREE.best(plain, start=DESIGN)
    of_deep = {name: value for name, value in DESIGN.values if name.startswith("depthwise.")}
    assert of_deep.items() <= dict(kept.values).items()


def test_limits_of_what_is_built_are_hard() -> None:
    small = replace(FREE, limits={"area_mm2": 0.5})
    assert small.report(small.best(NETWORK), NETWORK).usage["area_mm2"] <= 0.5
    with pytest.raises(
        BudgetError, match=r"area_mm2 = 0.01: the smallest of this space takes [\d.]+ \([\d.]+% too much\)"
    ):
        replace(FREE, limits={"area_mm2": 0.01})
    with pytest.raises(
        BudgetError, match=r"hierarchy-dosa-40nm: none of 300 designs met all limits; the nearest uses power_w"
    ):
        replace(FREE, limits={"power_w": 1e-6}).best(NETWORK)


def test_targets_that_nothing_reaches_say_what_is() -> None:
    asked = replace(FREE, limits={"energy_pj": 1.0}, fps=1e9)
    asked.best(NETWORK)  # a network that moves may reach it later
    with pytest.raises(
        BudgetError, match=r"nor 1e\+09 frames a second.*least energy_pj found.*; the least latency_s found"
    ):
        matched(asked, NETWORK)
    reached = replace(
        FREE, limits={"energy_pj": 10 * (REPORT.energy_pj or 0)}, fps=REPORT.fps / 10, edp_pj_s=REPORT.cost * 100
    )
    found = matched(reached, NETWORK).report
    assert set(found.limits) == {"energy_pj", "latency_s", "frame_s", "edp_pj_s"}


def test_designs_come_back_from_json() -> None:
    assert design_from_json(DESIGN.to_json()) == DESIGN


def test_what_does_not_agree_is_refused() -> None:
    with pytest.raises(RequestError, match="'dsp' is nothing to limit here; there are energy_pj"):
        replace(FREE, limits={"dsp": 5})
    with pytest.raises(RequestError, match="fps = -1: give a number above 0"):
        replace(FREE, fps=-1)
    with pytest.raises(RequestError, match="this design is of 'moon', and the platform of 'dosa-40nm'"):
        FREE.cost(HierarchyDesign("moon", DESIGN.values), NETWORK)
    fpga = FpgaPlatform(board=load_board("zc706"), spaces=spaces_by_map_size())
    with pytest.raises(RequestError, match="a design of kind 'hierarchy' is none for an FPGA"):
        fpga.cost(DESIGN, NETWORK)
    with pytest.raises(RequestError, match="a design of kind 'fpga' is none for a hierarchy"):
        FREE.cost(fpga.best(NETWORK), NETWORK)
