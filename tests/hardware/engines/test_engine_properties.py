"""Properties that no layer may break on any engine: nothing negative, parts add up, more zeros never cost more."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.hardware.engines.compare import ENGINES
from netchip.hardware.engines.counts import EngineCounts
from netchip.hardware.engines.engine_cost import EngineCost, engine_cost
from netchip.hardware.engines.resources import EngineOptions, load_resources
from netchip.workload.activation_statistics import AssumedSteps, activation_sparsity, assumed_activations
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


SHAPES = st.one_of(
    st.builds(
        lambda channels, filters, size, kernel, stride: conv(
            in_channels=channels,
            out_channels=filters,
            in_size=(size, size + 1),
            kernel=(kernel, kernel),
            stride=(stride, stride),
            padding=(kernel // 2, kernel // 2),
        ),
        st.integers(1, 40),
        st.integers(1, 80),
        st.integers(3, 20),
        st.sampled_from([1, 3, 5]),
        st.integers(1, 2),
    ),
    st.builds(
        lambda groups, size: conv(
            in_channels=2 * groups, out_channels=groups, in_size=(size, size), kernel=(3, 3), groups=groups
        ),
        st.integers(1, 70),
        st.integers(3, 9),
    ),
    st.builds(
        lambda inner, outer: linear(in_features=inner, out_features=outer), st.integers(1, 300), st.integers(1, 200)
    ),
)
SHARES = st.floats(0, 1)
ENGINE = pytest.mark.parametrize("engine", ENGINES)


def numbers(found: EngineCounts) -> list[float]:
    tables = (found.dram_bytes, found.buffer_bytes, found.work, found.events)
    return [found.compute_cycles, found.least_compute_cycles, *(value for table in tables for value in table.values())]


@ENGINE
@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, rows=SHARES, more=SHARES, inputs=SHARES)
def test_nothing_is_negative_or_no_number_and_parts_add_up(
    engine: str, shape: LayerShape, rows: float, more: float, inputs: float
) -> None:
    sparsity = LayerSparsity(
        layer="a",
        weights=assumed_weights(
            shape,
            zero_rows=rows,
            zero_elements=rows + (1 - rows) * more,
            storage=assumed_storage(shape, zero_rows=rows),
        ),
        activations=assumed_activations(shape, zero_rows=inputs, zero_elements=inputs),
    )
    found = cost(engine, Layer("a", shape), sparsity)
    counted = found.layers[0].counts
    assert all(math.isfinite(each) and each >= 0 for each in numbers(counted))
    assert counted.least_compute_cycles <= counted.compute_cycles * (1 + 1e-9)
    assert sum(found.energy_by_level_pj.values()) == pytest.approx(found.energy_pj)
    assert sum(found.dram_bytes_by_operand.values()) == pytest.approx(found.dram_bytes)
    assert found.energy_by_level_pj["dram"] == pytest.approx(found.dram_bytes * 100)
    assert found.sensitivity[2.0] - found.sensitivity[0.5] == pytest.approx(found.dram_bytes * 150)


@ENGINE
@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, shares=st.lists(st.tuples(SHARES, SHARES), min_size=2, max_size=2))
def test_more_zeros_never_cost_more(engine: str, shape: LayerShape, shares: list[tuple[float, float]]) -> None:
    (low_rows, high_rows), (low_inputs, high_inputs) = (sorted(pair) for pair in zip(*shares, strict=True))

    def at(rows: float, inputs: float) -> EngineCost:
        weights = assumed_weights(shape, zero_rows=rows, storage=assumed_storage(shape, zero_rows=rows))
        activations = assumed_activations(shape, zero_rows=inputs)
        return cost(engine, Layer("a", shape), LayerSparsity(layer="a", weights=weights, activations=activations))

    few, weights, inputs = at(low_rows, low_inputs), at(high_rows, low_inputs), at(low_rows, high_inputs)
    for more in (weights, inputs):
        for name in ("compute_cycles", "least_compute_cycles", "energy_pj", "dram_bytes", "latency_cycles"):
            assert getattr(more, name) <= getattr(few, name) * (1 + 1e-9)


@ENGINE
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), share=SHARES)
def test_zeroing_real_weights_or_inputs_never_costs_more(engine: str, seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    shape = conv(in_channels=20, out_channels=70, in_size=(9, 9), kernel=(3, 3), padding=(1, 1))
    weight = random.integers(0, 3, (70, 20, 3, 3))
    codes = random.integers(0, 4, (2, 20, 9, 9)) * 40
    fewer_weights = weight * (random.random(weight.shape[:3]) >= share)[..., None]
    fewer_codes = codes * (random.random(codes.shape) >= share)

    def at(some: np.ndarray, read: np.ndarray) -> EngineCost:
        counted = LayerSparsity(layer="a", weights=weight_sparsity(some), activations=activation_sparsity(read))
        return cost(engine, Layer("a", shape), counted)

    few, weights, inputs = at(weight, codes), at(fewer_weights, codes), at(weight, fewer_codes)
    for more in (weights, inputs):
        assert more.energy_pj <= few.energy_pj * (1 + 1e-9)
        # the mean over rows that are not zero may rise when only short ones are zeroed, so steps are compared in total
        assert more.compute_cycles <= few.compute_cycles * (1 + 1e-9)


@pytest.mark.parametrize("engine", ["smart_exchange", "cambricon_x", "scnn"])
@pytest.mark.parametrize("storage", [True, False])
def test_a_layer_without_weights_computes_and_fetches_none(engine: str, storage: bool) -> None:
    empty = assumed_weights(SAME, zero_rows=1, storage=assumed_storage(SAME, zero_rows=1) if storage else None)
    assert weight_sparsity(np.zeros((128, 64, 3, 3)), storage=empty.storage) == empty
    found = counts(engine, SAME, LayerSparsity(layer="a", weights=empty, activations=assumed_activations(SAME)))
    moved = sum(size for name, size in found.dram_bytes.items() if name not in ("inputs", "outputs"))
    work = {name: count for name, count in found.work.items() if name != "index_check"}
    assert (found.compute_cycles, moved, found.buffer_bytes["weight_buffer"]) == (0, 0, 0)
    assert set(work.values()) == {0}


def test_inputs_that_are_all_zero_cost_no_compute_where_they_are_skipped() -> None:
    for engine in ("smart_exchange", "scnn"):
        assert counts(engine, SAME, dense(SAME, zero_rows=1)).compute_cycles == 0
    still = counts("bit_pragmatic", SAME, dense(SAME, zero_rows=1, bits=AssumedSteps(8, 1, 1, 1)))
    assert still.compute_cycles == SAME.macs / 8192  # a step takes at least a cycle


@ENGINE
def test_batch_and_execution_rate_scale_everything(engine: str) -> None:
    one = cost(engine, Layer("a", SAME))
    four = cost(engine, Layer("a", replace(SAME, batch=4)))
    half = cost(engine, Layer("a", SAME, execution_rate=0.5))
    never = cost(engine, Layer("a", SAME, execution_rate=0.0))
    for name in ("energy_pj", "latency_cycles", "dram_bytes", "compute_cycles", "least_latency_cycles"):
        assert getattr(four, name) == pytest.approx(4 * getattr(one, name))
        assert getattr(half, name) == pytest.approx(getattr(one, name) / 2)
        assert getattr(never, name) == 0
    assert "nothing runs" in never.text()
