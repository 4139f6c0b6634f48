"""Five engines side by side: who is given which weights, ratios, what is printed, and faults."""

import json

import pytest

from netchip.errors import RequestError
from netchip.hardware.engines.compare import ENGINES, EngineComparison, compare_engines
from netchip.hardware.engines.resources import EngineOptions, load_resources
from netchip.workload.activation_statistics import AssumedSteps, assumed_activations
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import LayerSparsity
from netchip.workload.sparsity_file import NetworkSparsity
from netchip.workload.weight_statistics import assumed_storage, assumed_weights

SHAPES = {
    "conv1": LayerShape.conv(in_channels=64, out_channels=128, in_size=(16, 16), kernel=(3, 3), padding=(1, 1)),
    "conv2": LayerShape.conv(in_channels=128, out_channels=64, in_size=(16, 16), kernel=(1, 1)),
    "fc": LayerShape.linear(in_features=192, out_features=128),
}
WORKLOAD = Workload(tuple(Layer(name, shape) for name, shape in SHAPES.items()))


def sparsity(zero_rows: float, *, stored: bool = True) -> NetworkSparsity:
    layers = []
    for name, shape in SHAPES.items():
        length = 3
        weights = assumed_weights(
            shape,
            zero_rows=zero_rows,
            row_length=length,
            storage=assumed_storage(shape, zero_rows=zero_rows, row_length=length) if stored else None,
        )
        activations = assumed_activations(
            shape, zero_elements=0.5, booth=AssumedSteps(2, 3, 3, 3), channels_in_row=weights.channels_in_row
        )
        layers.append(LayerSparsity(layer=name, weights=weights, activations=activations))
    return NetworkSparsity(tuple(layers), "assumed for a test")


SPARSE = sparsity(0.5)


def test_own_weights_are_dense_unless_others_are_given() -> None:
    own = compare_engines(WORKLOAD, SPARSE)
    same = compare_engines(WORKLOAD, SPARSE, baseline_weights="same_sparsified")
    given = compare_engines(WORKLOAD, SPARSE, own=sparsity(0.9, stored=False))
    assert own.costs["smart_exchange"] == same.costs["smart_exchange"] == given.costs["smart_exchange"]
    assert own.costs["diannao"].energy_pj == same.costs["diannao"].energy_pj  # it skips nothing
    cycles = [each.costs["cambricon_x"].compute_cycles for each in (own, same, given)]
    assert cycles == pytest.approx([cycles[0], cycles[0] / 2, cycles[0] / 10])
    assert cycles[0] == own.costs["diannao"].compute_cycles
    assert own.costs["cambricon_x"].weights == "their own, dense 8-bit weights"
    assert given.costs["scnn"].weights == "their own, assumed for a test"
    assert "SmartExchange-sparsified" in same.baseline_weights


def test_ratios_are_over_diannao() -> None:
    found = compare_engines(WORKLOAD, SPARSE)
    base, own = found.costs["diannao"], found.costs["smart_exchange"]
    assert found.energy_gain("diannao") == found.speed_gain("diannao") == found.dram_gain("diannao") == 1
    assert found.energy_gain("smart_exchange") == pytest.approx(base.energy_pj / own.energy_pj)
    assert found.speed_gain("smart_exchange") == pytest.approx(base.latency_cycles / own.latency_cycles)
    assert found.speed_gain("smart_exchange", compute_only=True) == pytest.approx(
        base.compute_cycles / own.compute_cycles
    )
    assert found.dram_gain("smart_exchange") == pytest.approx(base.dram_bytes / own.dram_bytes)
    half = found.energy_gain("smart_exchange", 0.5)
    assert half == pytest.approx(base.sensitivity[0.5] / own.sensitivity[0.5])


def test_every_text_says_that_it_is_an_estimate_and_from_what() -> None:
    found = compare_engines(WORKLOAD, SPARSE)
    constants = load_resources().constants
    for text in (found.text(), *(cost.text() for cost in found.costs.values())):
        assert f"estimate; constants: {constants}" in text
    assert all(f"\n{name}" in found.text() for name in ENGINES)
    assert "weights of the other engines: their own, dense 8-bit weights" in found.text()
    assert "sparsity: assumed for a test" in found.text()


def test_json_is_plain_and_holds_counts_and_prices_apart() -> None:
    found = compare_engines(WORKLOAD, SPARSE)
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [row["engine"] for row in data["rows"]] == list(ENGINES)
    layer = data["engines"]["smart_exchange"]["layers"][0]
    assert (layer["name"], layer["macs"]) == ("conv1", SHAPES["conv1"].macs)
    assert layer["dram_bytes"]["basis"] == 128 * 9
    assert sum(layer["energy_by_level_pj"].values()) == pytest.approx(found.costs["smart_exchange"].layers[0].energy_pj)
    totals = data["engines"]["scnn"]["totals"]
    assert set(totals["sensitivity_pj"]) == {"dram x0.5", "dram x2"}
    assert totals["energy_pj"] == found.costs["scnn"].energy_pj
    assert data["engines"]["scnn"]["estimate"].startswith("constants: smart-exchange-28nm")


def test_options_and_resources_are_passed_on() -> None:
    booth = compare_engines(WORKLOAD, SPARSE, options=EngineOptions(pragmatic_steps="booth"))
    assert "booth_step" in booth.costs["bit_pragmatic"].energy_by_level_pj
    dear = load_resources().changed(prices={"dram_pj_per_byte": {"value": 200, "source": "a test"}})
    plain, twice = compare_engines(WORKLOAD, SPARSE), compare_engines(WORKLOAD, SPARSE, resources=dear)
    for name in ENGINES:
        assert twice.costs[name].energy_pj == pytest.approx(plain.costs[name].sensitivity[2.0])


def test_nothing_against_nothing_is_even() -> None:
    idle = Workload(tuple(Layer(name, shape, execution_rate=0.0) for name, shape in SHAPES.items()))
    found = compare_engines(idle, SPARSE)
    assert isinstance(found, EngineComparison)
    assert found.energy_gain("smart_exchange") == 1


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(RequestError, match="baseline_weights = 'none'; give 'same_sparsified' or 'own'"):
        compare_engines(WORKLOAD, SPARSE, baseline_weights="none")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="own sparsity was given, but baseline_weights = 'same_sparsified'"):
        compare_engines(WORKLOAD, SPARSE, baseline_weights="same_sparsified", own=SPARSE)
    with pytest.raises(RequestError, match="there is no sparsity of the layer 'conv1'"):
        compare_engines(WORKLOAD, NetworkSparsity((), "nothing"))


def test_lanes_that_all_take_the_mean_give_the_papers_arithmetic() -> None:
    """Eight times the multipliers, 1.36 digits a weight, 55 % of the rows: 8 / 1.36 / 0.55 = 10.7."""
    shape = SHAPES["conv1"]
    weights = assumed_weights(shape, zero_rows=0.45)
    inputs = assumed_activations(shape, booth=AssumedSteps(1.36, 1.36, 1.36, 1.36))
    found = compare_engines(
        Workload((Layer("conv1", shape),)),
        NetworkSparsity((LayerSparsity(layer="conv1", weights=weights, activations=inputs),), "by hand"),
    )
    assert found.speed_gain("smart_exchange", compute_only=True) == pytest.approx(8 / 1.36 / 0.55)
