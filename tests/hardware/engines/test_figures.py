"""A comparison as tables and figures: what they say, and that a report can read them."""

import json
from pathlib import Path

import pytest

from netchip.hardware.engines.compare import EngineComparison, compare_engines
from netchip.hardware.engines.figures import NAMES, basis, engine_figures, headline, layers_table
from netchip.report.figure import read_figure
from netchip.workload.activation_statistics import assumed_activations
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import LayerSparsity
from netchip.workload.sparsity_file import NetworkSparsity
from netchip.workload.weight_statistics import assumed_storage, assumed_weights

SHAPES = {
    "conv1": LayerShape.conv(in_channels=64, out_channels=64, in_size=(16, 16), kernel=(3, 3), padding=(1, 1)),
    "fc": LayerShape.linear(in_features=96, out_features=10),
}


def sparsity() -> NetworkSparsity:
    def of(name: str, shape: LayerShape) -> LayerSparsity:
        length = 3
        storage = assumed_storage(shape, zero_rows=0.5, row_length=length)
        weights = assumed_weights(shape, zero_rows=0.5, row_length=length, storage=storage)
        inputs = assumed_activations(shape, zero_elements=0.5, channels_in_row=weights.channels_in_row)
        return LayerSparsity(layer=name, weights=weights, activations=inputs)

    return NetworkSparsity(tuple(of(*each) for each in SHAPES.items()), "made up")


@pytest.fixture
def comparison() -> EngineComparison:
    return compare_engines(Workload(tuple(Layer(*each) for each in SHAPES.items())), sparsity())


def test_the_table_says_what_it_rests_on(comparison: EngineComparison) -> None:
    table = engine_figures(comparison, sparsity())["engines"]
    assert [row[0] for row in table["rows"]] == list(NAMES.values())
    assert table["notes"][0].startswith("estimate; constants: smart-exchange-28nm")
    assert table["notes"][1:3] == ("sparsity: made up", "weights of the other engines: their own, dense 8-bit weights")
    gain = comparison.energy_gain("smart_exchange")
    assert table["rows"][0][4] == f"×{gain:.2f}"
    assert table["rows"][1][4:] == ("×1.00", "×1.00, ×1.00", "×1.00", "×1.00")


def test_bars_add_up_to_the_energy(comparison: EngineComparison) -> None:
    figures = engine_figures(comparison, sparsity())
    for place, cost in enumerate(comparison.costs.values()):
        stacked = sum(series["values"][place] for series in figures["engines-energy"]["series"])
        assert stacked == pytest.approx(cost.energy_pj / 1e6)
    own = figures["engines-energy-own"]
    assert sum(sum(series["values"]) for series in own["series"]) == pytest.approx(
        comparison.costs["smart_exchange"].energy_pj / 1e6
    )


def test_layers_have_their_sparsity_and_the_gain_of_each(comparison: EngineComparison) -> None:
    figures = engine_figures(comparison, sparsity())
    first = dict(zip(figures["engines-layers"]["columns"], figures["engines-layers"]["rows"][0], strict=False))
    assert (first["layer"], first[">rows\nzero"], first[">inputs\nzero"]) == ("conv1", "50.0%", "50.0%")
    speeds = figures["engines-speed-layers"]
    assert speeds["y"] == ["conv1", "fc"]
    assert speeds["x"] == ["SmartExchange", "Cambricon-X", "SCNN", "Bit-pragmatic"]
    assert [row[1] for row in speeds["values"]] == [1.0, 1.0]  # dense weights: as DianNao


def test_a_report_reads_them_all(comparison: EngineComparison, tmp_path: Path) -> None:
    for name, figure in engine_figures(comparison, sparsity()).items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(figure))
        assert read_figure(path).title == figure["title"]


def test_a_layer_that_costs_nothing_leaves_a_gap() -> None:
    shape = SHAPES["fc"]
    empty = assumed_weights(shape, zero_rows=1.0, row_length=3, storage=assumed_storage(shape, zero_rows=1.0))
    inputs = assumed_activations(shape, channels_in_row=3)
    found = NetworkSparsity((LayerSparsity(layer="fc", weights=empty, activations=inputs),), "made up")
    compared = compare_engines(Workload((Layer("fc", shape),)), found)
    assert engine_figures(compared, found)["engines-speed-layers"]["values"][0][0] is not None
    assert len(basis(compared)) == 4


def test_the_headline_is_the_result(comparison: EngineComparison) -> None:
    energy, speed = comparison.energy_gain("smart_exchange"), comparison.speed_gain("smart_exchange")
    assert (
        headline(comparison)
        == f"SmartExchange: {energy:.1f} times less energy than DianNao, {speed:.1f} times its speed."
    )


def test_further_columns_stand_beside_the_layers(comparison: EngineComparison) -> None:
    table = layers_table(comparison, sparsity(), more={">error": {"fc": "0.18"}})
    assert table["columns"][:3] == ("layer", ">MACs", ">error")
    assert [row[:3] for row in table["rows"]] == [("conv1", "9.44 M", "–"), ("fc", "960", "0.18")]
