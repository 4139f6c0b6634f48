"""A network on a chip: sums, alike layers searched once, area, calibration, and the report's file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netchip.errors import BudgetError, DataError, RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.budget import Budget
from netchip.hardware.conventions import ZIGZAG
from netchip.hardware.cost_report import CostReport
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.network_cost import area_mm2, cost
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

FEW = RandomMapper(samples=300)
CONV = LayerShape.conv(in_channels=8, out_channels=8, in_size=(8, 8), kernel=(3, 3), padding=(1, 1))
UP = LayerShape.conv(in_channels=8, out_channels=4, in_size=(8, 8), kernel=(2, 2), stride=(2, 2), transposed=True)
NETWORK = Workload(
    (
        Layer("a", CONV),
        Layer("b", CONV),
        Layer("up", UP),
        Layer("fc", LayerShape.linear(in_features=64, out_features=10)),
    )
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path / "cache"))


def test_layers_add_up(tiny: Accelerator) -> None:
    report = cost(NETWORK, tiny, mapper=FEW)
    assert [layer.name for layer in report.layers] == ["a", "b", "up", "fc"]
    assert report.energy_pj == pytest.approx(sum(layer.cost.energy_pj for layer in report.layers))
    assert report.latency_s == pytest.approx(sum(layer.cost.cycles for layer in report.layers) / 1e9)
    assert report.edp_pj_s == pytest.approx(report.energy_pj * report.latency_s)
    assert report.macs == NETWORK.macs
    assert report.weight_bits == NETWORK.weight_bits
    assert report.layers[0].cost == report.layers[1].cost
    assert all(not layer.cost.too_small for layer in report.layers)


def test_alike_layers_are_searched_once(tiny: Accelerator) -> None:
    seen: list[tuple[str, int, int]] = []
    cost(NETWORK, tiny, mapper=FEW, progress=lambda *each: seen.append(each))
    assert seen == [("a", 1, 3), ("up", 2, 3), ("fc", 3, 3)]


def test_the_objective_is_the_networks(tiny: Accelerator) -> None:
    reports = {
        name: cost(NETWORK, tiny, mapper=FEW, objective=name, latency="bound") for name in ("energy", "latency", "edp")
    }
    assert reports["edp"].edp_pj_s <= min(reports["energy"].edp_pj_s, reports["latency"].edp_pj_s)
    assert reports["energy"].energy_pj <= reports["edp"].energy_pj
    assert reports["latency"].latency_s <= reports["edp"].latency_s


def test_stalls_are_in_the_report_unless_the_bound_is_asked_for(tiny: Accelerator) -> None:
    exact, bound = (cost(NETWORK, tiny, mapper=FEW, latency=each) for each in ("stalls", "bound"))
    assert exact.energy_pj == bound.energy_pj
    assert exact.layers[0].cost.first_load_cycles > 0 == bound.layers[0].cost.first_load_cycles


def test_what_half_of_the_inputs_run_counts_half(tiny: Accelerator) -> None:
    half = Workload(tuple(replace(layer, execution_rate=0.5) for layer in NETWORK.layers))
    whole, part = (cost(each, tiny, mapper=FEW) for each in (NETWORK, half))
    assert part.energy_pj == pytest.approx(whole.energy_pj / 2)
    assert part.latency_s == pytest.approx(whole.latency_s / 2)


@pytest.mark.parametrize("objective", ["edp", Budget(energy_pj=1.0)])
def test_the_file_gives_the_report_back(tiny: Accelerator, objective: Any, tmp_path: Path) -> None:
    report = cost(NETWORK, tiny, mapper=FEW, objective=objective, conventions=ZIGZAG)
    report.save(tmp_path / "cost.json")
    assert CostReport.load(tmp_path / "cost.json") == report


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "cost.json: this is not a cost report, but list"),
        ('{"format": 9}', "cost.json: this cost report is of format 9; this version reads format 1"),
        ('{"format": 1}', "cost.json: this cost report lacks the key 'objective'"),
        ('{"format": 1, "objective": 3, "calibration": null}', "cost.json: this "),
    ],
)
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "cost.json").write_text(text)
    with pytest.raises(DataError, match=message):
        CostReport.load(tmp_path / "cost.json")


def _with(tiny_data: dict[str, Any], **more: Any) -> Accelerator:
    return Accelerator.parse(tiny_data | more, source="tiny")


def _areas(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"mm2": 0.5, "source": "test"} for name in names}


def test_area_counts_every_instance_and_the_wiring(tiny_data: dict[str, Any]) -> None:
    memories = _areas(["reg_w", "reg_o", "buffer", "dram"])
    table = {"mac": {"mm2": 0.25, "source": "test"}, "memories": memories, "wiring_factor": 2.0}
    # 8 MACs, 8 weight registers, 4 output registers, one buffer, one DRAM
    assert area_mm2(_with(tiny_data, area=table)) == 2 * (8 * 0.25 + (8 + 4 + 1 + 1) * 0.5)


def test_area_is_limited_only_where_it_is_known(tiny: Accelerator) -> None:
    report = cost(NETWORK, tiny, mapper=FEW)
    assert "area_mm2" not in report.totals()
    with pytest.raises(RequestError, match="area_mm2 is limited to 1, but its value is not known"):
        Budget(area_mm2=1.0).require(report.totals(), "tiny")
    with pytest.raises(BudgetError, match="macs"):
        Budget(macs=1.0).require(report.totals(), "tiny")


def test_calibration_is_off_until_asked_for(tiny_data: dict[str, Any]) -> None:
    chip = _with(tiny_data, calibration={"latency_factor": 1.5, "control_pj_per_cycle": 2.0, "source": "test"})
    plain, calibrated = (cost(NETWORK, chip, mapper=FEW, calibrated=each) for each in (False, True))
    assert plain.calibration is None
    assert calibrated.latency_s == pytest.approx(1.5 * plain.latency_s)
    assert calibrated.energy_pj == pytest.approx(plain.energy_pj + 2.0 * calibrated.cycles)


def test_what_cannot_be_costed_is_refused(tiny: Accelerator) -> None:
    with pytest.raises(RequestError, match="tiny has no calibration"):
        cost(NETWORK, tiny, mapper=FEW, calibrated=True)
    with pytest.raises(RequestError, match="no layer to cost"):
        cost(Workload(()), tiny, mapper=FEW)
    with pytest.raises(RequestError, match="no objective is called"):
        cost(NETWORK, tiny, mapper=FEW, objective="size")


def test_bypass_holds_for_the_whole_network(tiny: Accelerator) -> None:
    report = cost(NETWORK, tiny, mapper=FEW, constraints=Constraints(bypass={"W": ("buffer",)}))
    for layer in report.layers:
        assert ("buffer", "W") not in layer.cost.memory_energy_pj()
