"""Tables, figures and the page of a small network's cost, of real reports."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.network_cost import cost
from netchip.report.cost_figures import energy_stack, roofline
from netchip.report.cost_page import build_cost_page, write_cost_page
from netchip.report.cost_study import MODELLED, ChipCost, CostStudy, bound_of, energy_by_level
from netchip.report.cost_tables import (
    Listing,
    _three_digits,
    chip_tables,
    comparison,
    layers,
    levels,
    summary_tables,
    totals,
)
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

EVIL = "<script>alert(1)</script>\"'&"


def costed(name: str, *, names: tuple[str, str] = ("conv", "fc"), **settings: Any) -> ChipCost:
    chip = load_chip(name)
    shapes = (
        LayerShape.conv(in_channels=8, out_channels=16, in_size=(16, 16), kernel=(3, 3), padding=(1, 1)),
        LayerShape.linear(in_features=1024, out_features=10),
    )
    workload = Workload(
        tuple(Layer(own, shape, precision=chip.precision) for own, shape in zip(names, shapes, strict=True))
    )
    report = cost(workload, chip, mapper=RandomMapper(samples=500), cached=False, **settings)
    return ChipCost(chip=chip, bits="8/8/8/32", report=report)


def study(*chips: ChipCost, **changes: Any) -> CostStudy:
    asked = {"network": "small", "inputs": 2, "macs": chips[0].report.macs, "search": "by chance, 500 tried"}
    return CostStudy(**{**asked, "chips": chips, **changes})


@pytest.fixture(scope="module")
def edge() -> ChipCost:
    return costed("edge-npu")


@pytest.fixture(scope="module")
def eyeriss() -> ChipCost:
    return costed("eyeriss", calibrated=True)


def column(table: Listing, heading: str) -> list[str]:
    return [row[table.columns.index(heading)] for row in table.rows]


def test_energy_by_level_adds_up_to_the_layers_energy(edge: ChipCost, eyeriss: ChipCost) -> None:
    for each in (edge, eyeriss):
        for layer in each.report.layers:
            assert sum(energy_by_level(layer).values()) == pytest.approx(layer.cost.energy_pj)
            assert set(energy_by_level(layer)) <= set(each.levels)
    assert edge.levels == ("MACs", "weight_registers", "accumulators", "buffer", "dram")
    assert eyeriss.levels[:2] == ("MACs", "hops")


def test_a_layer_that_mostly_loads_is_bound_by_that(edge: ChipCost) -> None:
    layer = edge.report.layers[0]
    half = layer.cost.compute_cycles + layer.cost.stall_cycles
    loading = replace(layer, cost=replace(layer.cost, first_load_cycles=half, last_drain_cycles=1.0))
    assert bound_of(loading) == "first load, last drain"
    even = replace(layer, cost=replace(layer.cost, first_load_cycles=half, last_drain_cycles=0.0))
    assert bound_of(even) == layer.cost.bound_by


def test_totals_hold_what_the_report_holds(edge: ChipCost) -> None:
    table = totals(study(edge))
    report = edge.report
    assert column(table, ">energy") == [f"{report.energy_pj / 1e6:.3g} µJ"]
    assert column(table, ">of") == ["128"]
    assert column(table, ">MACs\na cycle") == [f"{report.macs / report.cycles:.3g}"]
    assert column(table, ">area") == [f"{report.area_mm2:.3g} mm²"]
    assert study(edge).inputs_per_s(edge) == 2 / report.latency_s
    (row,) = table.rows
    assert len(row) == len(table.columns)


def test_a_share_of_the_cycles_goes_with_what_binds_them(edge: ChipCost) -> None:
    first, second = edge.report.layers
    layers = (
        replace(first, cost=replace(first.cost, bound_by="a.read", **_only(30.0))),
        replace(second, cost=replace(second.cost, bound_by="b.read", **_only(10.0))),
    )
    assert replace(edge, report=replace(edge.report, layers=layers)).bound_by == ("a.read", 0.75)


def _only(cycles: float) -> dict[str, float]:
    return {"compute_cycles": cycles, "stall_cycles": 0.0, "first_load_cycles": 0.0, "last_drain_cycles": 0.0}


def test_chips_are_compared_with_the_first_and_unknown_areas_are_not(edge: ChipCost, eyeriss: ChipCost) -> None:
    table = comparison(study(edge, eyeriss))
    assert table.title == f"Against edge-npu: {MODELLED}"
    wanted = eyeriss.report.energy_pj / edge.report.energy_pj
    assert column(table, ">energy") == ["×1.00", f"×{wanted:.2f}" if wanted < 9.995 else f"×{wanted:.0f}"]
    assert column(table, ">area") == ["×1.00", "–"]
    assert len(list(summary_tables(study(edge)))) == 1


def test_layers_and_levels_have_a_row_each(edge: ChipCost) -> None:
    by_time, by_level = layers(edge), levels(edge)
    assert column(by_time, "layer") == ["conv", "fc"]
    assert column(by_level, "layer") == ["conv", "fc", "all layers"]
    conv = edge.report.layers[0]
    assert column(by_time, ">cycles")[0] == f"{conv.cost.cycles:,.0f}"
    assert column(by_level, ">weight\nregisters")[0] == f"{energy_by_level(conv)['weight_registers'] / 1e6:.3g}"
    assert column(by_level, ">all")[-1] == f"{edge.report.energy_pj / 1e6:.3g}"
    shares = [float(text.removesuffix("%")) for text in column(by_time, ">share")]
    assert sum(shares) == pytest.approx(100, abs=0.11)
    for table in chip_tables(edge):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_a_layer_that_never_runs_is_a_row_without_shares(edge: ChipCost) -> None:
    conv, fc = edge.report.layers
    idle = replace(fc, macs=0.0, cost=replace(fc.cost, **_only(0.0)))
    changed = replace(edge, report=replace(edge.report, layers=(conv, idle)))
    assert column(layers(changed), ">stalls")[1] == "–"
    drawn = roofline(changed)
    assert drawn is not None
    assert [len(series.x) for series in drawn.series] == [1]


def test_the_calibration_is_told_where_it_is_applied(edge: ChipCost, eyeriss: ChipCost) -> None:
    assert "No calibration." in study(edge).how()
    told = [line for line in study(edge, eyeriss).how() if line.startswith("eyeriss")]
    assert len(told) == 1
    assert "latency x 1.147" in told[0]
    assert "0.03 W static" in told[0]
    assert "No calibration." not in study(eyeriss).how()
    assert "least energy x latency" in study(edge).how()[1]
    assert "the plain bound" in study(costed("edge-npu", latency="bound", objective="energy")).how()[0]


def test_the_energy_stack_is_the_table_drawn(edge: ChipCost) -> None:
    figure = energy_stack(edge)
    assert figure.categories == ("conv", "fc")
    for place, layer in enumerate(edge.report.layers):
        total = sum(series.values[place] for series in figure.series)
        assert total * 1e6 == pytest.approx(layer.cost.energy_pj)


def test_the_roof_bends_where_array_and_memory_meet(edge: ChipCost) -> None:
    figure = roofline(edge)
    assert figure is not None
    (roof,) = figure.lines
    assert (32.0, 128.0) in zip(roof.x, roof.y, strict=True)  # 128 MACs a cycle at 4 bytes a cycle
    assert len(roof.x) == 3
    assert sum(len(series.x) for series in figure.series) == 2
    assert {text for series in figure.series for text in series.labels} - {""} <= {"conv", "fc"}


def test_without_widths_of_the_outermost_memory_there_is_no_roofline(edge: ChipCost) -> None:
    dram = edge.chip.memories[-1].model_copy(update={"ports": (), "access_bits": None})
    bare = edge.chip.model_copy(update={"memories": (*edge.chip.memories[:-1], dram)})
    assert roofline(replace(edge, chip=bare)) is None
    assert build_cost_page(study(replace(edge, chip=bare))).count("<figure") == 1


def test_the_page_holds_all_tables_both_figures_and_how_it_arose(edge: ChipCost, eyeriss: ChipCost) -> None:
    page = build_cost_page(study(edge, eyeriss, uncounted=("head (aten.lstm)",)))
    assert page.count("<figure") == 4
    assert page.count("<table") == 2 + 2 * 2
    headings = re.findall(r"<h3>(.*?)</h3>", page)
    assert headings
    assert all(MODELLED in heading for heading in headings)
    for text in ("Conventions default", "by chance, 500 tried", "head (aten.lstm)", "calibrated", "2 inputs at once"):
        assert text in page
    assert not re.search(r"\bnan\b", page[page.index("<body>") :].lower())


def test_the_page_stands_alone_and_is_the_same_each_time(edge: ChipCost, tmp_path: Path) -> None:
    page = build_cost_page(study(edge))
    assert not re.search(r"<(link|iframe|object|form)\b", page)
    assert page.count("<script") == 1
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page)
    assert write_cost_page(study(edge), tmp_path / "page.html").read_text() == page


def test_names_are_escaped() -> None:
    evil = costed("edge-npu", names=(EVIL, "$\\frac{"))
    page = build_cost_page(study(evil, network=EVIL, search=EVIL))
    assert page.count("<script") == 1
    assert "&lt;script&gt;" in page


def test_the_sum_over_all_layers_stays_below_when_layers_are_sorted(edge: ChipCost) -> None:
    page = build_cost_page(study(edge))
    (foot,) = re.findall(r"<tfoot>(.*?)</tfoot>", page, re.DOTALL)
    assert "all layers" in foot
    assert foot.count("<tr>") == 1


def test_energies_are_never_written_as_powers_of_ten(edge: ChipCost) -> None:
    page = build_cost_page(study(edge))
    assert "e+0" not in page[page.index("<body>") :]
    assert [_three_digits(value) for value in (0.01234, 5.0, 999.4, 999.6, 12345.6)] == [
        "0.0123",
        "5",
        "999",
        "1,000",
        "12,346",
    ]
