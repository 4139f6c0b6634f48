"""Equal to ZigZag 3.9.1 on its recorded mappings: accesses, energy, cycles, stalls port by port, first load and last drain."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import ZIGZAG
from netchip.hardware.cost import evaluate
from netchip.hardware.costs import Costs
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer

FILES = {
    "eyeriss_like_uneven": ("from_package/hardware__eyeriss_like", "map_eyeriss_oyfy", 480),
    "r3_shared_even": ("hw_r3_shared", "map_r3_kc", 240),
    "r3_shared_uneven": ("hw_r3_shared", "map_r3_kc", 480),
    "r4_split_even": ("hw_r4_split", "map_r4_kox", 240),
}
EQUAL = 1e-12


@dataclass(frozen=True)
class Recorded:
    """A file of recorded mappings: what went in, and what ZigZag said."""

    rows: list[dict[str, Any]]
    layers: list[Layer]
    chip: Accelerator
    mappings: MappingBatch

    def costs(self, chip: Accelerator | None = None, mappings: MappingBatch | None = None) -> Costs:
        return evaluate(
            self.layers, chip or self.chip, mappings or self.mappings, conventions=ZIGZAG, latency="stalls", xp=xp
        )

    def said(self, *keys: str) -> np.ndarray:
        values: list[Any] = self.rows
        for key in keys:
            values = [value[key] for value in values]
        return np.array(values, dtype=np.float64)

    def full(self, value: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (len(self.rows),))


@pytest.fixture(scope="module", params=FILES)
def recorded(request: pytest.FixtureRequest, reference: Callable[[str], Path], tools: ModuleType) -> Recorded:
    machine, mapping, count = FILES[request.param]
    rows = tools.zigzag_rows(reference(f"zigzag/fixed_mappings/{request.param}.jsonl.gz"))
    assert len(rows) == count
    layers = tools.zigzag_layers(reference("zigzag/inputs/workload_ref12.yaml"))
    chip = tools.zigzag_accelerator(reference(f"zigzag/inputs/{machine}.yaml"))
    unrolled = reference(f"zigzag/inputs/{mapping}.yaml")
    mappings = [
        tools.zigzag_mapping(chip, row["temporal"], tools.zigzag_unrolling(unrolled, row["layer"]), row["dims"])
        for row in rows
    ]
    names = list(layers)
    batch = MappingBatch.of(mappings, chip, layers=[names.index(row["layer"]) for row in rows])
    return Recorded(rows, list(layers.values()), chip, batch)


def test_all_word_accesses_are_equal(recorded: Recorded, tools: ModuleType) -> None:
    costs = recorded.costs()
    for operand in "WIO":
        for place, index in enumerate(recorded.chip.chain(operand)):
            memory = recorded.chip.memories[index].name
            for key, move in tools.MOVES.items():
                said = np.array([row["word_accesses"][operand][place][key] for row in recorded.rows], dtype=np.float64)
                np.testing.assert_array_equal(recorded.full(costs.accesses.get((memory, operand, move), 0.0)), said)


def test_energy_is_equal_in_total_and_by_memory(recorded: Recorded) -> None:
    costs = recorded.costs()
    np.testing.assert_allclose(costs.energy_pj, recorded.said("mac_energy") + recorded.said("mem_energy"), rtol=EQUAL)
    for index in (0, len(recorded.rows) // 2, len(recorded.rows) - 1):
        row, energy = recorded.rows[index], costs.row(index).memory_energy_pj()
        for operand, parts in row["mem_energy_breakdown"].items():
            names = [recorded.chip.memories[place].name for place in recorded.chip.chain(operand)]
            assert [energy[name, operand] for name in names] == pytest.approx(parts, rel=EQUAL)


def test_cycles_and_every_stall_are_equal(recorded: Recorded) -> None:
    costs = recorded.costs()
    np.testing.assert_array_equal(costs.compute_cycles, recorded.said("latency", "ideal_temporal"))
    np.testing.assert_array_equal(costs.compute_cycles + costs.stall_cycles, recorded.said("latency", "total0"))
    for index, memory in enumerate(recorded.chip.memories):
        for port in memory.ports:
            said = [row["port_stall"][index].get(port.name, 0) for row in recorded.rows]
            np.testing.assert_array_equal(recorded.full(costs.waits.get((memory.name, port.name), 0.0)), said)


def test_first_load_and_last_drain_are_equal(recorded: Recorded) -> None:
    costs = recorded.costs()
    np.testing.assert_allclose(recorded.full(costs.first_load_cycles), recorded.said("latency", "onload"), atol=1e-6)
    np.testing.assert_allclose(recorded.full(costs.last_drain_cycles), recorded.said("latency", "offload"), atol=1e-6)
    np.testing.assert_allclose(costs.cycles, recorded.said("latency", "total2"), rtol=1e-10)


def test_tiles_have_the_recorded_sizes(recorded: Recorded) -> None:
    costs = recorded.costs()
    bits = {"W": 8, "I": 8}
    for operand, width in bits.items():
        for place, index in enumerate(recorded.chip.chain(operand)):
            key = (recorded.chip.memories[index].name, operand)
            said = np.array([row["tile_elem"][operand][place + 1] for row in recorded.rows]) * width
            whole = [
                not any(factor % 1 for level in row["spatial"][operand] for _, factor in level) for row in recorded.rows
            ]
            np.testing.assert_array_equal(recorded.full(costs.held_bits[key])[whole], said[whole])


def test_the_plain_bound_is_near_the_exact_latency(recorded: Recorded) -> None:
    """The bound of the search leaves out windows, first load and last drain; the share within 5 % is that of the prototype."""
    exact = recorded.costs()
    bound = evaluate(recorded.layers, recorded.chip, recorded.mappings, conventions=ZIGZAG, xp=xp)
    apart = np.abs(bound.cycles / exact.cycles - 1)
    share = {"eyeriss_like": 0.950, "r3_shared": 0.785, "r4_split": 0.829}[recorded.chip.name]
    assert np.mean(apart < 0.05) == pytest.approx(share, abs=0.02)
    assert np.median(apart) < 0.02


# Negative controls: what should break the equality does ----------------------------------------------------------------------


def test_other_prices_break_the_energy(recorded: Recorded) -> None:
    energy = recorded.chip.energy.model_dump()
    energy["memories"]["dram"]["read_pj"] *= 1.1
    costs = recorded.costs(recorded.chip.changed(energy=energy))
    said = recorded.said("mac_energy") + recorded.said("mem_energy")
    assert not np.any(np.isclose(costs.energy_pj, said, rtol=EQUAL))


def test_half_the_bandwidth_breaks_the_stalls(recorded: Recorded) -> None:
    memories = [memory.model_dump() for memory in recorded.chip.memories]
    for port in memories[-1]["ports"]:
        port["bits_per_cycle"] //= 2
        port["least_bits"] = min(port["least_bits"], port["bits_per_cycle"])
    costs = recorded.costs(recorded.chip.changed(memories=memories))
    equal = np.isclose(costs.cycles, recorded.said("latency", "total2"), rtol=EQUAL)
    assert equal.mean() < 0.6


def test_loops_in_reverse_break_the_energy(recorded: Recorded) -> None:
    batch = recorded.mappings
    costs = recorded.costs(mappings=replace(batch, dim=batch.dim[::-1], bound=batch.bound[::-1]))
    said = recorded.said("mac_energy") + recorded.said("mem_energy")
    assert np.isclose(costs.energy_pj, said, rtol=EQUAL).mean() < 0.6


# The winners of ZigZag's own searches, among them a systolic array with padded layers ------------------------------------------

SEARCHES = {
    "alexnet_tpu_like_minenergy_lpf5": "from_package/hardware__tpu_like",
    "alexnet_tpu_like_minlatency_lpf5": "from_package/hardware__tpu_like",
    "alexnet_tpu_like_minlatency_lpf6": "from_package/hardware__tpu_like",
    "resnet18_tpu_like_minlatency_lpf5": "from_package/hardware__tpu_like",
    "ref12_eyeriss_like_minenergy_lpf5": "from_package/hardware__eyeriss_like",
    "ref12_r3_shared_minenergy_lpf5": "hw_r3_shared",
}


def winner(entry: dict[str, Any], chip: Accelerator, tools: ModuleType, padded: bool) -> tuple[Layer, MappingBatch]:
    given = entry["layer_def"]
    bounds = {dim: given["loop_dimensions"].get(dim, 1) for dim in ("B", "G", "K", "C", "OY", "OX", "FY", "FX")}
    stride = int(re.search(r"= (\d+)\*OX", (given["equation_relations"] or ["= 1*OX"])[0])[1])
    side = [(bounds[dim] - 1) // 2 if padded and bounds["FX"] != 11 else 0 for dim in ("FY", "FX")]
    layer = tools.zigzag_layer(entry["layer"], bounds, stride, given["operand_precision"], (side[0], side[1]))
    loops = tools.zigzag_loops(entry["temporal_mapping_stationary"])
    mapping = tools.zigzag_mapping(chip, loops, given["user_spatial_mapping"], bounds)
    return layer, MappingBatch.of([mapping], chip)


@pytest.mark.parametrize("name", SEARCHES)
def test_winners_of_searches_are_equal(name: str, reference: Callable[[str], Path], tools: ModuleType) -> None:
    """The drain of a systolic array is left out: ZigZag takes the unrolling asked for where netchip takes that in use."""
    chip = tools.zigzag_accelerator(reference(f"zigzag/inputs/{SEARCHES[name]}.yaml"))
    for entry in json.loads(reference(f"zigzag/search/{name}.json").read_text())["layers"]:
        layer, batch = winner(entry, chip, tools, padded=not name.startswith("ref12"))
        cost = evaluate([layer], chip, batch, conventions=ZIGZAG, latency="stalls", xp=xp).row(0)
        for operand in "WIO":
            for place, index in enumerate(chip.chain(operand)):
                for key, move in tools.MOVES.items():
                    said = entry["word_accesses"][operand][place][key]
                    assert cost.accesses.get((chip.memories[index].name, operand, move), 0) == said
        assert cost.energy_pj == pytest.approx(entry["energy"]["energy_total"], rel=EQUAL)
        assert cost.compute_cycles + cost.stall_cycles == entry["latency"]["computation"]
        assert cost.first_load_cycles == pytest.approx(entry["latency"]["data_onloading"], abs=1e-6)
        assert cost.last_drain_cycles == pytest.approx(
            entry["latency"]["data_offloading"], abs=8.5 if chip.systolic else 1e-6
        )
        assert cost.utilisation == pytest.approx(entry["mac_utilization"]["ideal"], rel=1e-4)
