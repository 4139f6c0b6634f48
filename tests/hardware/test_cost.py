"""`evaluate`: a mapping counted by hand, what it promises of all mappings, and the namespaces it runs in."""

from dataclasses import replace
from typing import Any

import array_api_compat.numpy
import array_api_compat.torch
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import load_chip
from netchip.hardware.conventions import DEFAULT, EYERISS16, PRESETS, TIMELOOP, ZIGZAG, Conventions
from netchip.hardware.cost import evaluate
from netchip.hardware.costs import Costs
from netchip.hardware.dimensions import DIMS, OPERANDS
from netchip.hardware.mapping import Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.encoding import Precision, StatedWeights
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

xp = array_api_compat.numpy
BITS = Precision(weight_bits=8, input_bits=8, output_bits=8, accumulator_bits=32)
LINEAR = Layer("fc", LayerShape.linear(batch=3, in_features=4, out_features=8), precision=BITS)
TEXT = """D1: K 4
D2: C 2
K 2: W=dram I=dram O=dram
B 3: W=buffer I=buffer O=buffer
C 2: W=reg_w I=buffer O=reg_o"""


def cost_of(text: str, layer: Layer, chip: Accelerator, **options: Any) -> Costs:
    return evaluate([layer], chip, MappingBatch.of([Mapping.parse_text(text)], chip), xp=xp, **options)


def test_a_linear_layer_by_hand(tiny: Accelerator) -> None:
    """3 x 4 inputs, 8 x 4 weights, on 4 x 2 MACs in 12 steps; our conventions.

    Weights: each of the 8 registers holds 2, loaded for each of 2 K steps (B above does not reload them): 4 a register, 32 in all.
    Inputs: the buffer holds all 12; two different ones go out at each of the 12 steps, to 4 MACs each. Outputs: a pair of MACs
    adds up in a register over 2 steps: 2 x 12 updates of 4 registers, half of them read back; 24 outputs leave it finished.
    """
    cost = cost_of(TEXT, LINEAR, tiny).row(0)
    elements = {tuple(action): count for action, count in cost.elements.items() if count}
    assert elements == {
        ("reg_w", "W", "read"): 96,
        ("reg_w", "W", "fill"): 32,
        ("buffer", "W", "read"): 32,
        ("buffer", "W", "fill"): 32,
        ("dram", "W", "read"): 32,
        ("buffer", "I", "read"): 24,
        ("buffer", "I", "fill"): 12,
        ("dram", "I", "read"): 12,
        ("reg_o", "O", "update"): 48,
        ("reg_o", "O", "read"): 24,
        ("reg_o", "O", "drain"): 24,
        ("buffer", "O", "update"): 24,
        ("buffer", "O", "drain"): 24,
        ("dram", "O", "update"): 24,
    }
    assert cost.accesses["buffer", "W", "read"] == 2 * 16 / 8
    assert cost.accesses["buffer", "I", "read"] == 12 * 2 / 8
    assert cost.accesses["dram", "O", "update"] == 2 * 3
    assert cost.compute_cycles == 12
    assert cost.utilisation == 1
    assert cost.held_bits["buffer", "I"] == 12 * 8
    assert cost.held_bits["reg_w", "W"] == 2 * 8
    assert cost.too_small == ("reg_w holds 8 bits, but tiles of weights 16 bits are to stay there",)


def test_energy_and_cycles_by_hand(tiny: Accelerator) -> None:
    """The same mapping. The DRAM is busy for 17 cycles with 12 inputs, 32 weights and 24 outputs, 32 bits at a time.

    An output register takes longer on its one port: 12 updates, 6 of them read back, 6 sums that leave.
    """
    costs = cost_of(TEXT, LINEAR, tiny)
    cost = costs.row(0)
    registers = 96 * 0.125 + 32 * 0.25 + 48 * 0.5 + 24 * 0.25 + 24 * 0.25 / 4
    buffer = 4.0 * (4 + 3 + 3) + 5.0 * (4 + 1.5 + 3)
    dram = 100 * (8 + 3) + 120 * 6
    assert cost.work_energy_pj == {"mac": 96 * 0.5}
    assert cost.energy_pj == pytest.approx(registers + buffer + dram + 48, rel=1e-2)
    assert float(costs.energy_pj[0]) == pytest.approx(cost.energy_pj)
    assert (costs.waits["dram", "rw"], costs.waits["reg_o", "rw"]) == (17, 24)
    assert (cost.cycles, cost.bound_by) == (24, "reg_o.rw")


def random_mappings(layer: LayerShape, chip: Accelerator, count: int, seed: int) -> MappingBatch:
    """Prime factors in a random order, each loop at a random memory that does not fall, none unrolled but by chance."""
    random = np.random.default_rng(seed)
    primes = [(index, prime) for index, dim in enumerate(DIMS) for prime in _primes(layer.loop_bounds[dim])]
    order = np.argsort(random.random((len(primes), count)), axis=0)
    dim, bound = (np.array([pair[place] for pair in primes])[order] for place in (0, 1))
    spatial = np.ones((len(chip.array), len(DIMS), count))
    bound = bound.astype(np.float64)
    for row, size in enumerate(chip.array.values()):
        place = random.integers(len(primes), size=count)
        each = np.arange(count)
        taken = np.where(bound[place, each] <= size, bound[place, each], 1.0)
        spatial[row, dim[place, each], each] *= taken
        bound[place, each] /= taken
    longest = max(len(chip.chain(operand)) for operand in OPERANDS)
    cut = np.sort(random.integers(0, len(primes) + 1, size=(len(OPERANDS), longest, count)), axis=1)
    for row, operand in enumerate(OPERANDS):
        cut[row, len(chip.chain(operand)) - 1 :] = len(primes)
    return MappingBatch(dim=dim, bound=bound, cut=cut, spatial=spatial, layer=np.zeros(1, dtype=int))


def _primes(number: int) -> list[int]:
    found, prime = [], 2
    while number > 1:
        while number % prime == 0:
            found, number = [*found, prime], number // prime
        prime += 1
    return found


CONVS = [
    LayerShape.conv(
        in_channels=6, out_channels=8, in_size=(12, 10), kernel=(3, 3), padding=(1, 1), stride=(2, 1), batch=2
    ),
    LayerShape.conv(in_channels=6, out_channels=12, in_size=(8, 8), kernel=(1, 1), stride=(2, 2), groups=3),
    LayerShape.conv(
        in_channels=4, out_channels=6, in_size=(5, 6), kernel=(4, 4), stride=(2, 2), padding=(1, 1), transposed=True
    ),
    LayerShape.conv(in_channels=8, out_channels=8, in_size=(9, 9), kernel=(3, 3), dilation=(2, 2), groups=8),
    LayerShape.matmul(batch=4, rows=6, inner=8, columns=10),
]


@pytest.mark.parametrize("latency", ["bound", "stalls"])
@pytest.mark.parametrize("conventions", PRESETS.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("shape", CONVS, ids=["conv", "strided", "transposed", "dilated", "matmul"])
def test_no_number_is_negative_or_nan(
    tiny: Accelerator, shape: LayerShape, conventions: Conventions, latency: Any
) -> None:
    layer = Layer("layer", shape, precision=BITS)
    mappings = random_mappings(shape, tiny, 400, seed=3)
    for dtype in (np.float64, np.float32):
        batch = replace(mappings, bound=mappings.bound.astype(dtype), spatial=mappings.spatial.astype(dtype))
        costs = evaluate([layer], tiny, batch, conventions=conventions, latency=latency, xp=xp)
        parts = [
            *costs.accesses.values(),
            *costs.elements.values(),
            *costs.held_bits.values(),
            costs.energy_pj,
            costs.utilisation,
        ]
        for value in [
            *parts,
            costs.compute_cycles,
            costs.stall_cycles,
            costs.first_load_cycles,
            costs.last_drain_cycles,
        ]:
            assert np.all(np.isfinite(value))
            assert np.all(np.asarray(value) >= 0)
        assert np.all(costs.utilisation <= 1 + 1e-6)


@pytest.mark.parametrize("chip", ["tpu-like", "edge-npu", "eyeriss"])
@pytest.mark.parametrize("shape", CONVS, ids=["conv", "strided", "transposed", "dilated", "matmul"])
def test_a_report_is_never_below_the_plain_bound(chip: str, shape: LayerShape) -> None:
    accelerator = load_chip(chip)
    layer, mappings = Layer("layer", shape, precision=BITS), random_mappings(shape, accelerator, 400, seed=7)
    for conventions in (each for each in PRESETS.values() if each.name != "zigzag"):
        exact, bound = (
            evaluate([layer], accelerator, mappings, conventions=conventions, latency=latency, check=False, xp=xp)
            for latency in ("stalls", "bound")
        )
        assert np.all(exact.cycles >= bound.cycles * (1 - 1e-12))
        waits = np.max([np.broadcast_to(each, 400) for each in exact.waits.values()], axis=0)
        np.testing.assert_allclose(np.maximum(waits, 0), exact.stall_cycles, rtol=1e-12, atol=1e-9)


def test_where_the_stall_model_lies_below_the_bound_the_bound_counts_and_elsewhere_nothing_changes() -> None:
    """On the one port of the TPU-like chip's DRAM moves overlap beyond its bits in some mappings."""
    chip, layer = load_chip("tpu-like"), Layer("layer", CONVS[0], precision=BITS)
    mappings = random_mappings(CONVS[0], chip, 2000, seed=7)
    plain = DEFAULT.changed(never_below_bound=False)
    bound = evaluate([layer], chip, mappings, check=False, xp=xp).cycles
    model, ours = (
        evaluate([layer], chip, mappings, conventions=each, latency="stalls", check=False, xp=xp)
        for each in (plain, DEFAULT)
    )
    below = model.cycles < bound
    assert 0 < below.sum() < len(below)
    np.testing.assert_array_equal(ours.cycles, np.maximum(model.cycles, bound))
    np.testing.assert_array_equal(ours.stall_cycles[~below], model.stall_cycles[~below])
    assert ours.row(int(np.flatnonzero(below)[0])).bound_by.startswith("dram.")


@pytest.mark.parametrize("shape", CONVS, ids=["conv", "strided", "transposed", "dilated", "matmul"])
def test_every_operand_crosses_the_dram_at_least_once(tiny: Accelerator, shape: LayerShape) -> None:
    costs = evaluate([Layer("layer", shape)], tiny, random_mappings(shape, tiny, 300, seed=5), xp=xp)
    touched = len({2 * p for p in range(4)}) ** 2 * 6 if shape.stride == (2, 2) and shape.groups == 3 else shape.inputs
    assert np.all(costs.elements["dram", "W", "read"] >= shape.weights)
    assert np.all(costs.elements["dram", "I", "read"] >= touched)
    assert np.all(costs.elements["dram", "O", "update"] >= shape.outputs)


def test_parts_add_up(tiny: Accelerator) -> None:
    costs = evaluate(
        [Layer("layer", CONVS[0])], tiny, random_mappings(CONVS[0], tiny, 50, seed=1), latency="stalls", xp=xp
    )
    for index in (0, 17, 49):
        row = costs.row(index)
        assert row.energy_pj == pytest.approx(costs.energy_pj[index])
        assert row.cycles == pytest.approx(costs.cycles[index])
        assert sum(row.memory_energy_pj().values()) + row.work_energy_pj["mac"] == pytest.approx(row.energy_pj)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 16), st.integers(2, 16), st.integers(0, 5))
def test_fewer_bits_never_cost_more(wide: int, less: int, seed: int) -> None:
    chip = Accelerator.parse({**_tiny_data(), "energy": {**_tiny_data()["energy"], "mac_bits": (8, 8)}})
    few = max(1, wide - less)
    mappings = random_mappings(CONVS[0], chip, 60, seed=seed)
    costs = [
        evaluate([Layer("layer", CONVS[0], precision=_all_bits(bits))], chip, mappings, check=False, xp=xp)
        for bits in (few, wide)
    ]
    assert np.all(costs[0].energy_pj <= costs[1].energy_pj)
    assert np.all(costs[0].cycles <= costs[1].cycles)


def _all_bits(bits: int) -> Precision:
    return Precision(weight_bits=bits, input_bits=bits, output_bits=bits, accumulator_bits=2 * bits)


def _tiny_data() -> dict[str, Any]:
    source = "made up for the tests"
    port = [{"name": "rw", "kind": "read_write", "bits_per_cycle": 64, "least_bits": 1}]
    price = {"read_pj": 3.0, "write_pj": 4.0, "source": source}
    both = {"serves": ["D1", "D2"], "ports": port, "operands": ["W", "I", "O"]}
    return {
        "name": "flat",
        "source": source,
        "frequency_hz": 1e9,
        "array": {"D1": 4, "D2": 2},
        "memories": [{"name": "buffer", "bits": 10**6, **both}, {"name": "dram", **both}],
        "energy": {"mac": {"pj": 0.5, "source": source}, "memories": {"buffer": price, "dram": price}},
    }


# Namespaces and types --------------------------------------------------------------------------------------------------------


def in_torch(batch: MappingBatch, dtype: torch.dtype) -> MappingBatch:
    arrays = {name: torch.asarray(array) for name, array in batch.arrays().items()}
    return MappingBatch(
        **{name: array.to(dtype) if array.is_floating_point() else array for name, array in arrays.items()}
    )


@pytest.mark.parametrize("latency", ["bound", "stalls"])
@pytest.mark.parametrize("conventions", [ZIGZAG, TIMELOOP, EYERISS16], ids=lambda each: each.name)
def test_torch_gives_the_very_same(tiny: Accelerator, conventions: Conventions, latency: Any) -> None:
    batch, layer = random_mappings(CONVS[0], tiny, 100, seed=2), Layer("layer", CONVS[0])
    first = evaluate([layer], tiny, batch, conventions=conventions, latency=latency, xp=xp)
    second = evaluate(
        [layer],
        tiny,
        in_torch(batch, torch.float64),
        conventions=conventions,
        latency=latency,
        xp=array_api_compat.torch,
    )
    assert isinstance(second.energy_pj, torch.Tensor)
    np.testing.assert_array_equal(first.energy_pj, second.energy_pj.numpy())
    np.testing.assert_array_equal(first.cycles, second.cycles.numpy())
    np.testing.assert_array_equal(first.fits, second.fits.numpy())


def test_float32_is_near_float64(tiny: Accelerator) -> None:
    batch, layer = random_mappings(CONVS[0], tiny, 100, seed=2), Layer("layer", CONVS[0])
    exact = evaluate([layer], tiny, batch, xp=xp)
    quick = evaluate(
        [layer],
        tiny,
        replace(batch, bound=batch.bound.astype(np.float32), spatial=batch.spatial.astype(np.float32)),
        xp=xp,
    )
    assert quick.energy_pj.dtype == quick.cycles.dtype == np.float32
    np.testing.assert_allclose(quick.energy_pj, exact.energy_pj, rtol=1e-5)
    np.testing.assert_allclose(quick.cycles, exact.cycles, rtol=1e-5)


def test_gradients_reach_the_loop_bounds(tiny: Accelerator) -> None:
    """Energy rises with every loop; conventions without whole accesses are smooth in the bounds.

    Of the 10 rows 9 are used, so that no tile stands just at the edge of the map.
    """
    shape = LayerShape.conv(in_channels=6, out_channels=8, in_size=(10, 10), kernel=(3, 3), stride=(2, 2))
    batch = in_torch(random_mappings(shape, tiny, 20, seed=2), torch.float64)
    bound = batch.bound.clone().requires_grad_()
    layer = Layer("layer", shape)
    smooth = TIMELOOP.changed(window_slides=False)
    costs = evaluate(
        [layer], tiny, replace(batch, bound=bound), conventions=smooth, check=False, xp=array_api_compat.torch
    )
    (gradient,) = torch.autograd.grad(costs.energy_pj.sum(), bound)
    step = 1e-6
    runs = batch.bound > 1
    moved = replace(batch, bound=torch.where(runs, batch.bound * (1 + step), batch.bound))
    later = evaluate([layer], tiny, moved, conventions=smooth, check=False, xp=array_api_compat.torch)
    expected = (later.energy_pj - costs.energy_pj.detach()) / step
    assert torch.allclose((gradient * batch.bound * runs).sum(0), expected, rtol=1e-3)
    assert torch.all(gradient[runs] >= 0)


# Layers ------------------------------------------------------------------------------------------------------------------------


def test_layers_of_a_batch_cost_what_each_costs_alone(tiny: Accelerator) -> None:
    """Plain and transposed convolutions, a product, other bits: in one call, and in the order of the mappings."""
    layers = [Layer(str(place), shape, precision=_all_bits(4 + place)) for place, shape in enumerate(CONVS)]
    own = [random_mappings(layer.shape, tiny, 20, seed=place) for place, layer in enumerate(layers)]
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(len(layers)), 20))
    joined = _stacked(own, order)
    for latency in ("bound", "stalls"):
        together = evaluate(layers, tiny, joined, latency=latency, xp=xp)
        for place, (layer, batch) in enumerate(zip(layers, own, strict=True)):
            alone = evaluate([layer], tiny, batch, latency=latency, xp=xp)
            np.testing.assert_allclose(together.energy_pj[order == place], alone.energy_pj, rtol=1e-12)
            np.testing.assert_allclose(together.cycles[order == place], alone.cycles, rtol=1e-12)
            where = int(np.flatnonzero(order == place)[3])
            assert together.row(where).elements == pytest.approx(alone.row(3).elements)


def _stacked(batches: list[MappingBatch], order: np.ndarray) -> MappingBatch:
    loops = max(batch.dim.shape[0] for batch in batches)
    places = np.argsort(order, kind="stable")
    stacked: dict[str, np.ndarray] = {}
    for name, extra in (("dim", 0), ("bound", 1.0)):
        parts = [
            np.pad(getattr(b, name), ((0, loops - b.dim.shape[0]), (0, 0)), constant_values=extra) for b in batches
        ]
        stacked[name] = np.concatenate(parts, -1)
    cuts = [np.where(b.cut == b.dim.shape[0], loops, b.cut) for b in batches]
    stacked["cut"] = np.concatenate(cuts, -1)
    stacked["spatial"] = np.concatenate([b.spatial for b in batches], -1)
    back = np.argsort(places, kind="stable")
    return MappingBatch(**{name: array[..., back] for name, array in stacked.items()}, layer=order)


def test_a_layer_that_half_of_the_inputs_skip_costs_half(tiny: Accelerator) -> None:
    full, half = (cost_of(TEXT, replace(LINEAR, execution_rate=rate), tiny).row(0) for rate in (1.0, 0.5))
    assert half.energy_pj == pytest.approx(full.energy_pj / 2)
    assert half.cycles == full.cycles / 2
    assert half.work["mac"] == full.work["mac"] / 2
    assert half.held_bits == full.held_bits
    assert cost_of(TEXT, replace(LINEAR, execution_rate=0.0), tiny).row(0).energy_pj == 0


def test_encoded_weights_move_fewer_bits_and_are_rebuilt(tiny_data: dict[str, Any]) -> None:
    """32 weights stored in 64 bits, 2 each. They are rebuilt once, as they leave the memory named, by default the DRAM."""
    tiny_data["energy"]["actions"] = {"shift_add": {"pj": 0.25, "source": "test"}}
    at_dram = Accelerator.parse(tiny_data)
    at_buffer = at_dram.changed(rebuilds_at="buffer")
    encoded = replace(LINEAR, weights=StatedWeights(bits=64, actions={"shift_add": 40}))
    dense, first, second = (
        cost_of(TEXT, layer, chip).row(0)
        for layer, chip in ((LINEAR, at_dram), (encoded, at_dram), (encoded, at_buffer))
    )
    for cost in (first, second):
        assert cost.elements == dense.elements
        assert cost.work == {"mac": 96, "shift_add": 40}
        assert cost.work_energy_pj["shift_add"] == 10
    assert dense.held_bits["buffer", "W"] == first.held_bits["buffer", "W"] == 4 * second.held_bits["buffer", "W"]
    assert [cost.accesses["dram", "W", "read"] for cost in (dense, first, second)] == [8, 2, 2]
    assert [cost.accesses["buffer", "W", "fill"] for cost in (dense, first, second)] == [4, 4, 1]
    assert second.energy_pj < first.energy_pj < dense.energy_pj


def test_networks_of_the_array(tiny_data: dict[str, Any]) -> None:
    """24 inputs leave the buffer for 4 MACs each: 96 arrivals, of which 72 come from a neighbour; unicast reads each of the 96."""
    tiny_data["energy"]["hop"] = {"pj": 1.0, "source": "test"}
    hops, reads = {}, {}
    for network in ("multicast", "forward", "unicast"):
        tiny_data["memories"][2]["networks"] = {"I": network}
        cost = cost_of(TEXT, LINEAR, Accelerator.parse(tiny_data)).row(0)
        hops[network], reads[network] = cost.work["hop"], cost.elements["buffer", "I", "read"]
    assert reads == {"multicast": 24, "forward": 24, "unicast": 96}
    assert hops["multicast"] == hops["unicast"]
    assert hops["multicast"] - hops["forward"] == 24
    others = 32 + 96 + 24  # weights to 8 registers, terms of 8 MACs to their adders, sums to the buffer
    assert hops["multicast"] == 96 + others


def test_no_forwarding_network_has_fewer_than_no_hops(tiny_data: dict[str, Any]) -> None:
    """Two units read inputs 3 apart: of 4 in a bounding box they get 2 from the buffer, and none from each other."""
    tiny_data["energy"]["hop"] = {"pj": 1.0, "source": "test"}
    tiny_data["memories"][2]["networks"] = {"I": "forward"}
    shape = LayerShape.conv(in_channels=1, out_channels=1, in_size=(4, 1), kernel=(1, 1), stride=(3, 1))
    text = """D2: OY 2
    K 1: W=buffer I=buffer O=buffer"""
    conventions = DEFAULT.changed(input_extent="bounding_box")
    cost = cost_of(text, Layer("strided", shape, precision=BITS), Accelerator.parse(tiny_data), conventions=conventions)
    others = 2 + 2 + 2  # a weight to 2 units, terms to their adders, sums to the buffer
    assert cost.row(0).work["hop"] == others


def test_a_double_buffered_memory_holds_two_tiles(tiny_data: dict[str, Any]) -> None:
    single = cost_of(TEXT, LINEAR, Accelerator.parse(tiny_data)).row(0)
    tiny_data["memories"][2]["double_buffered"] = True
    double = cost_of(TEXT, LINEAR, Accelerator.parse(tiny_data)).row(0)
    for operand in OPERANDS:
        assert double.held_bits["buffer", operand] == 2 * single.held_bits["buffer", operand]
    assert double.elements == single.elements


def test_words_wider_than_an_element_take_more_room(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][2]["word_bits"] = 16
    cost = cost_of(TEXT, LINEAR, Accelerator.parse(tiny_data)).row(0)
    assert cost.held_bits["buffer", "I"] == 12 * 16
    assert cost.accesses["buffer", "I", "read"] == 12 * 2 * 16 / 64


def test_a_slower_mac_takes_more_cycles(tiny_data: dict[str, Any]) -> None:
    cost = cost_of(TEXT, LINEAR, Accelerator.parse({**tiny_data, "cycles_per_mac": 8})).row(0)
    assert (cost.compute_cycles, cost.cycles, cost.bound_by) == (96, 96, "compute")


def test_an_uneven_unrolling_counts_its_mean_and_holds_its_whole(roomy: Accelerator) -> None:
    """7 outputs on 4 units: 2 passes of 3.5. Seven outputs are written, but a register must be there for the eighth."""
    layer = Layer("fc", LayerShape.linear(in_features=2, out_features=7), precision=BITS)
    text = "D1: K 3.5\nK 2: W=dram I=buffer O=buffer\nC 2: W=buffer I=buffer O=reg_o"
    cost = cost_of(text, layer, roomy).row(0)
    assert cost.elements["dram", "O", "update"] == 7
    assert cost.elements["dram", "W", "read"] == 14
    assert cost.held_bits["buffer", "O"] == 8 * 8
    assert cost.compute_cycles == 4
    assert cost.utilisation == 14 / (4 * 8)
    floored = cost_of(text, layer, roomy, conventions=DEFAULT.changed(uneven_unrolling="floor")).row(0)
    assert floored.held_bits["buffer", "O"] == 6 * 8


def test_a_dimension_of_a_thousand_million_is_counted(roomy: Accelerator) -> None:
    layer = Layer("wide", LayerShape.linear(in_features=1, out_features=10**9), precision=BITS)
    cost = cost_of("K 1000000000: W=dram I=dram O=dram", layer, roomy).row(0)
    assert cost.elements["dram", "W", "read"] == 10**9
    assert cost.compute_cycles == 10**9


def test_a_layer_too_large_for_exact_counts_is_refused(roomy: Accelerator) -> None:
    layer = Layer("huge", LayerShape.linear(in_features=10**7, out_features=10**9), precision=BITS)
    with pytest.raises(
        RequestError, match=r"huge: 10,000,000,000,000,000 MACs of 32 bits cannot be counted exactly .*split"
    ):
        cost_of("K 1000000000: W=dram I=dram O=dram\nC 10000000: W=dram I=dram O=dram", layer, roomy)


def test_a_kind_of_layer_that_no_mapping_is_for_costs_nothing_more(tiny: Accelerator) -> None:
    layers = [Layer(str(place), shape) for place, shape in enumerate(CONVS)]
    mappings = random_mappings(CONVS[0], tiny, 20, seed=0)
    alone = evaluate(layers[:1], tiny, mappings, xp=xp)
    np.testing.assert_array_equal(evaluate(layers, tiny, mappings, xp=xp).energy_pj, alone.energy_pj)
