"""The five engines: by hand on layers that divide, and properties that no layer may break."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.hardware.engines.compare import ENGINES
from netchip.hardware.engines.counts import EngineCounts
from netchip.hardware.engines.engine_cost import EngineCost, engine_cost, priced
from netchip.hardware.engines.resources import EngineOptions, load_resources
from netchip.workload.activation_statistics import AssumedSteps, assumed_activations
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import LayerSparsity
from netchip.workload.sparsity_file import NetworkSparsity
from netchip.workload.weight_statistics import assumed_storage, assumed_weights, weight_sparsity

SHARED = load_resources()
PLAIN = EngineOptions()
conv, linear = LayerShape.conv, LayerShape.linear
SAME = conv(in_channels=64, out_channels=128, in_size=(16, 16), kernel=(3, 3), padding=(1, 1))


def dense(shape: LayerShape, **activations: Any) -> LayerSparsity:
    return LayerSparsity(
        layer="a", weights=assumed_weights(shape), activations=assumed_activations(shape, **activations)
    )


def counts(engine: str, shape: LayerShape, sparsity: LayerSparsity | None = None, **options: Any) -> EngineCounts:
    return ENGINES[engine](Layer("a", shape), sparsity or dense(shape), SHARED, EngineOptions(**options))


def cost(engine: str, layer: Layer, sparsity: LayerSparsity | None = None) -> EngineCost:
    given_ = NetworkSparsity((replace(sparsity or dense(layer.shape), layer=layer.name),), "assumed")
    return engine_cost(engine, ENGINES[engine], Workload((layer,)), given_, SHARED, PLAIN, weights="any")


# Where the shapes divide ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "lanes"), [("diannao", 1024), ("cambricon_x", 1024), ("scnn", 1024)])
def test_a_dense_layer_takes_its_macs_over_the_parallel_multipliers(engine: str, lanes: int) -> None:
    found = counts(engine, SAME)
    assert found.compute_cycles == found.least_compute_cycles == pytest.approx(SAME.macs / lanes)
    assert found.work["mac"] == SAME.macs


@pytest.mark.parametrize(("engine", "steps"), [("smart_exchange", 4), ("bit_pragmatic", 8)])
def test_a_dense_layer_takes_its_steps_over_the_serial_multipliers(engine: str, steps: int) -> None:
    found = counts(engine, SAME)
    assert found.compute_cycles == found.least_compute_cycles == SAME.macs / 8192 * steps
    assert found.work["booth_step" if steps == 4 else "bit_step"] == SAME.macs * steps


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.sampled_from([1, 3, 5]))
def test_they_do_for_all_sizes_that_divide(filters: int, channels: int, size: int, kernel: int) -> None:
    shape = conv(
        in_channels=16 * channels,
        out_channels=64 * filters,
        in_size=(16 * size, 16 * size),
        kernel=(kernel, kernel),
        padding=(kernel // 2, kernel // 2),
    )
    for engine in ("diannao", "cambricon_x", "scnn"):
        assert counts(engine, shape).compute_cycles == pytest.approx(shape.macs / 1024)
    assert counts("smart_exchange", shape).compute_cycles == pytest.approx(shape.macs / 8192 * 4)
    assert counts("bit_pragmatic", shape, pragmatic_steps="booth").compute_cycles == pytest.approx(
        shape.macs / 8192 * 4
    )


# Utilisation -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "share", "options"),
    [
        (conv(in_channels=3, out_channels=64, in_size=(16, 16), kernel=(3, 3), padding=(1, 1)), 3 / 16, {}),
        (conv(in_channels=16, out_channels=64, in_size=(7, 7), kernel=(3, 3), padding=(1, 1)), 7 / 8, {}),
        (conv(in_channels=64, out_channels=64, in_size=(8, 8), kernel=(3, 3), padding=(1, 1), groups=64), 3 / 16, {}),
        (
            conv(in_channels=64, out_channels=64, in_size=(8, 8), kernel=(3, 3), padding=(1, 1), groups=64),
            1 / 16,
            {"compact_mapping": False},
        ),
        (linear(in_features=64, out_features=128), 2 / 8, {}),
        (linear(in_features=64, out_features=128), 1 / 8, {"cluster_split": False}),
        (linear(in_features=64, out_features=64), 1 / 8, {}),  # one group of filters: nothing for the second cluster
        (conv(in_channels=32, out_channels=32, in_size=(8, 8), kernel=(1, 1)), 32 / 64, {}),
    ],
    ids=[
        "stem",
        "7x7 map",
        "depthwise",
        "depthwise, lines idle",
        "linear",
        "linear, whole",
        "linear, small",
        "32 filters",
    ],
)
def test_utilisation_of_the_array(shape: LayerShape, share: float, options: dict[str, bool]) -> None:
    one_step = dense(shape, booth=AssumedSteps(1, 1, 1, 1))
    found = counts("smart_exchange", shape, one_step, **options)
    assert found.compute_cycles == pytest.approx(shape.macs / (8192 * share))


def test_rows_of_a_1x1_layer_span_channels() -> None:
    shape = conv(in_channels=48, out_channels=64, in_size=(8, 8), kernel=(1, 1))
    weights = assumed_weights(shape, row_length=3, zero_rows=0.5)
    sparsity = LayerSparsity(
        layer="a",
        weights=weights,
        activations=assumed_activations(shape, channels_in_row=3, booth=AssumedSteps(1, 1, 1, 1)),
    )
    assert counts("smart_exchange", shape, sparsity).compute_cycles == 8 * 3 / 2


# By hand: traffic, energy -------------------------------------------------------------------------------------------------


def stored(shape: LayerShape, zero_rows: float = 0.0, **activations: Any) -> LayerSparsity:
    storage = assumed_storage(shape, zero_rows=zero_rows)
    return LayerSparsity(
        layer="a",
        weights=assumed_weights(shape, zero_rows=zero_rows, storage=storage),
        activations=assumed_activations(shape, **activations),
    )


def test_smart_exchange_by_hand() -> None:
    found = counts("smart_exchange", SAME, stored(SAME, 0.25))
    rows, tiles = 128 * 64 * 3, 16 * 2
    assert found.dram_bytes == {
        "coefficients": rows * 3 * 0.75 / 2,
        "basis": 128 * 9,
        "index": rows / 8,
        "inputs": 64 * 16 * 16,
        "outputs": 128 * 16 * 16,
    }
    assert found.events["own_rows"] == rows * 0.75 * tiles
    assert found.events["row_pairs"] == 2 * 64 * 3 * 0.75 * tiles
    assert found.events["skipped_pairs"] == 2 * 64 * 3 * 0.25 * tiles
    assert found.work == {
        "booth_step": SAME.macs * 0.75 * 4,
        "rebuild_add": rows * 3 * 0.75 * tiles * 3,
        "index_check": 2 * 64 * 3 * tiles,
    }
    reads = (rows * 3 * 0.75 / 2 + 128 * 9 + rows / 8) * tiles
    assert found.buffer_bytes["weight_buffer"] == reads + rows * 3 * 0.75 / 2 + 128 * 9 + rows / 8
    assert found.buffer_bytes["input_buffer"] == 64 * 256 + found.events["row_pairs"] * 10  # 8 columns see 10 inputs
    assert found.buffer_bytes["output_buffer"] == 2 * 128 * 256


def test_rows_that_are_kept_are_rebuilt_once() -> None:
    again, once = (counts("smart_exchange", SAME, stored(SAME), cache_rebuilt_rows=kept) for kept in (False, True))
    assert again.work["rebuild_add"] == once.work["rebuild_add"] * 32
    assert again.compute_cycles == once.compute_cycles
    assert again.dram_bytes == once.dram_bytes


def test_the_others_by_hand() -> None:
    weights, macs = 128 * 64 * 9, SAME.macs
    zeros = LayerSparsity(
        layer="a",
        weights=assumed_weights(SAME, zero_rows=0.5),
        activations=assumed_activations(SAME, zero_elements=0.75),
    )
    plain = counts("diannao", SAME, zeros)
    assert plain.dram_bytes == {"weights": weights, "inputs": 64 * 256, "outputs": 128 * 256}
    assert plain.buffer_bytes["weight_buffer"] == weights + macs
    assert plain.buffer_bytes["input_buffer"] == 64 * 256 + 2 * 64 * 9 * 256
    cambricon = counts("cambricon_x", SAME, zeros)
    assert cambricon.compute_cycles == plain.compute_cycles / 2
    assert cambricon.dram_bytes["weights"] == weights / 2 * 1.5
    assert cambricon.work == {"mac": macs / 2}
    scnn = counts("scnn", SAME, zeros)
    # a unit has 2 x 2 positions, of which one is not zero: a vector; and of 64 filters 288 weights a channel: 72 vectors
    assert scnn.compute_cycles == 2 * 64 * 72
    assert scnn.work == {"mac": macs / 8}
    assert scnn.buffer_bytes["accumulators"] == macs / 8 * 2 * 4
    assert scnn.dram_bytes["inputs"] == 64 * 256 / 4 * 1.5
    pragmatic = counts("bit_pragmatic", SAME, zeros)
    assert pragmatic.dram_bytes == plain.dram_bytes
    assert pragmatic.buffer_bytes["weight_buffer"] == weights + weights * 32
    assert pragmatic.work["bit_step"] == macs * 8 / 4


@pytest.mark.parametrize(
    "shape",
    [
        conv(in_channels=16, out_channels=64, in_size=(16, 16), kernel=(3, 3), stride=(2, 2)),
        linear(in_features=64, out_features=64),
        conv(in_channels=16, out_channels=64, in_size=(16, 16), kernel=(3, 3), transposed=True),
        LayerShape.matmul(batch=2, rows=5, inner=8, columns=6),
    ],
)
def test_scnn_gains_nothing_on_strides_single_outputs_and_transposed_layers(shape: LayerShape) -> None:
    sparse = LayerSparsity(
        layer="a",
        weights=assumed_weights(shape, zero_rows=0.9),
        activations=assumed_activations(shape, zero_elements=0.9),
    )
    assert counts("scnn", shape, sparse).compute_cycles == counts("diannao", shape).compute_cycles
    assert counts("scnn", shape, sparse).dram_bytes["weights"] == pytest.approx(shape.weights * 0.1 * 1.5)


def test_sparse_formats_give_way_to_dense_weights_where_those_are_smaller() -> None:
    for engine in ("cambricon_x", "scnn", "smart_exchange"):
        assert counts(engine, SAME).dram_bytes["weights"] == SAME.weights


def test_inputs_that_do_not_fit_cross_dram_again() -> None:
    """1 MiB of inputs and 288 KiB of weights for 512 and 256 KiB: two groups of filters read all inputs, or two parts of them
    read all weights, which is cheaper."""
    large = conv(in_channels=256, out_channels=128, in_size=(64, 64), kernel=(3, 3), padding=(1, 1))
    found = counts("diannao", large)
    assert found.dram_bytes["inputs"] == 2**20
    assert found.dram_bytes["weights"] == 2 * 256 * 128 * 9
    half = LayerSparsity(
        layer="a", weights=assumed_weights(large, zero_rows=0.5), activations=assumed_activations(large)
    )
    assert counts("cambricon_x", large, half).dram_bytes["weights"] == 256 * 128 * 9 / 2 * 1.5  # 216 KiB stay
    one = conv(in_channels=256, out_channels=64, in_size=(64, 64), kernel=(7, 7), padding=(3, 3))
    assert counts("diannao", one).dram_bytes["weights"] == one.weights  # one group of filters reads the inputs once


def test_energy_is_counts_times_prices() -> None:
    found = EngineCounts(
        compute_cycles=1,
        least_compute_cycles=1,
        dram_bytes={"weights": 2, "inputs": 3},
        buffer_bytes={"input_buffer": 10},
        work={"mac": 100, "rebuild_add": 10},
    )
    assert priced(found, SHARED) == pytest.approx({"dram": 500, "input_buffer": 24.5, "mac": 14.3, "rebuild_add": 0.19})


def test_latency_is_compute_or_dram() -> None:
    slow_dram = cost("diannao", Layer("a", linear(in_features=1024, out_features=1024)))
    assert slow_dram.latency_cycles == (1024 * 1024 + 2048) / 64 > slow_dram.compute_cycles
    slow_array = cost("diannao", Layer("a", SAME))
    assert slow_array.latency_cycles == slow_array.compute_cycles == SAME.macs / 1024
    assert slow_array.latency_s == SAME.macs / 1024 / 1e9


def test_imbalance_lies_between_its_bounds_by_hand() -> None:
    """64 filters, of which filter k needs row k alone: in step all 48 rows of 16 lines are done, apart one."""
    shape = conv(in_channels=16, out_channels=48, in_size=(8, 8), kernel=(3, 3), padding=(1, 1))
    weight = np.zeros((48, 48, 3))
    weight[np.arange(48), np.arange(48)] = 1
    found = counts(
        "smart_exchange",
        shape,
        LayerSparsity(
            layer="a",
            weights=weight_sparsity(weight.reshape(48, 16, 3, 3)),
            activations=assumed_activations(shape, booth=AssumedSteps(1, 1, 1, 1)),
        ),
    )
    assert (found.compute_cycles, found.least_compute_cycles) == (8 * 3 * 3, 8 * 3)


def test_statistics_of_another_array_are_refused() -> None:
    other = SHARED.changed(array={"slices": 32})
    with pytest.raises(
        RequestError, match=r"a: its sparsity was counted for Grouping\(filters=64.*count it with grouping="
    ):
        engine_cost(
            "diannao",
            ENGINES["diannao"],
            Workload((Layer("a", SAME),)),
            NetworkSparsity((dense(SAME),), "assumed"),
            other,
            PLAIN,
            weights="any",
        )
    with pytest.raises(RequestError, match="this network has no layer to cost"):
        engine_cost("diannao", ENGINES["diannao"], Workload(()), NetworkSparsity((), "a"), SHARED, PLAIN, weights="any")


def test_a_depthwise_layer_fetches_the_inputs_of_each_channel() -> None:
    shape = conv(in_channels=64, out_channels=64, in_size=(8, 8), kernel=(3, 3), padding=(1, 1), groups=64)
    found = counts("smart_exchange", shape)
    assert found.events["row_pairs"] == 3 * 8  # three rows a filter, for eight tiles
    assert found.buffer_bytes["input_buffer"] == 64 * 64 + 64 * 3 * 8 * 10
    assert counts("diannao", shape).buffer_bytes["input_buffer"] == 64 * 64 + shape.macs
