"""Beside Timeloop: 1,500 runs recorded by DOSA, and the printed access counts of four designs of Timeloop v4."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

from netchip.hardware.conventions import TIMELOOP, TIMELOOP4, ZIGZAG, Conventions
from netchip.hardware.cost import evaluate
from netchip.hardware.costs import LayerCost
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape


@pytest.fixture(scope="module")
def runs(reference: Callable[[str], Path], tools: ModuleType) -> Callable[[Conventions], np.ndarray]:
    """By conventions, our (cycles, energy) over Timeloop's, of each run."""
    rows = tools.dosa_rows(reference("dosa_timeloop_1500.csv.gz"))
    assert len(rows) == 1500
    said = np.array([(float(row["target.cycle"]), 1e6 * float(row["target.energy"])) for row in rows])

    def ratios(conventions: Conventions) -> np.ndarray:
        return np.array([tuple(_run(row, tools, conventions)) for row in rows]) / said

    return ratios


def _run(row: dict[str, str], tools: ModuleType, conventions: Conventions) -> Iterator[float]:
    chip = tools.dosa_accelerator(row)
    batch = MappingBatch.of([tools.dosa_mapping(row)], chip)
    costs = evaluate([tools.dosa_layer(row)], chip, batch, conventions=conventions, xp=xp)
    yield from (float(costs.cycles[0]), float(costs.energy_pj[0]))


def test_cycles_and_energy_of_1500_runs(runs: Callable[[Conventions], np.ndarray]) -> None:
    """Cycles: 99 % within 0.1 %, all within 10 %. Energy, with DOSA's printed constants: median 0.1 %, 95 % within 1 %."""
    cycles, energy = np.abs(runs(TIMELOOP) - 1).T
    assert np.mean(cycles < 1e-3) > 0.99
    assert cycles.max() < 0.02
    assert np.median(energy) < 1e-3
    assert np.percentile(energy, 95) < 1e-2
    assert energy.max() < 0.12


def test_the_sliding_window_and_the_drains_matter(runs: Callable[[Conventions], np.ndarray]) -> None:
    still, _ = np.abs(runs(TIMELOOP.changed(window_slides=False)) - 1).T
    assert still.max() > 0.5
    returned, _ = np.abs(runs(TIMELOOP4) - 1).T
    assert np.mean(returned < 1e-3) < 0.8


@pytest.fixture(scope="module")
def designs(reference: Callable[[str], Path]) -> dict[str, Any]:
    return json.loads(reference("timeloop_v4_reference_stats.json").read_text())


def _design(designs: dict[str, Any], name: str, tools: ModuleType, conventions: Conventions = TIMELOOP4) -> LayerCost:
    """3 -> 32 channels, 225 x 225 inputs, 3 x 3 kernel, stride 2; all numbers are words of 8 bits."""
    chip, mapping = tools.timeloop_design(name, designs[name]["mapping_text"])
    shape = LayerShape.conv(in_channels=3, out_channels=32, in_size=(225, 225), kernel=(3, 3), stride=(2, 2))
    layer = Layer("conv", shape, precision=Precision(accumulator_bits=8))
    return evaluate([layer], chip, MappingBatch.of([mapping], chip), conventions=conventions, xp=xp).row(0)


NAMES = ("eyeriss_like", "simba_like", "simple_output_stationary", "simple_weight_stationary")
COUNTS = {
    "Scalar reads (per-instance)": "read",
    "Scalar fills (per-instance)": "fill",
    "Scalar updates (per-instance)": "update",
}


def _said(design: dict[str, Any], tools: ModuleType) -> dict[tuple[str, str, str], int]:
    return {
        (level["name"], tools.V4_OPERANDS[operand], move): int(counts[key]) * int(counts["Utilized instances (max)"])
        for level in design["levels"]
        for operand, counts in level["ops"].items()
        for key, move in COUNTS.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_all_access_counts_of_a_design(name: str, designs: dict[str, Any], tools: ModuleType) -> None:
    cost, said = _design(designs, name, tools), _said(designs[name], tools)
    assert len(said) >= 21
    assert {key: cost.elements.get(key, 0.0) for key in said} == said
    assert cost.cycles == int(designs[name]["summary"]["Cycles"])


@pytest.mark.parametrize("name", NAMES)
def test_tiles_of_a_design_have_the_printed_sizes(name: str, designs: dict[str, Any], tools: ModuleType) -> None:
    cost = _design(designs, name, tools)
    for level in designs[name]["levels"]:
        for operand, counts in level["ops"].items():
            held = cost.held_bits[level["name"], tools.V4_OPERANDS[operand]]
            assert held == 8 * int(counts["Utilized capacity"])


def test_the_eyeriss_like_design_by_its_figures(designs: dict[str, Any], tools: ModuleType) -> None:
    cost = _design(designs, "eyeriss_like", tools)
    assert cost.cycles == 86_016
    paid = {action: count for action, count in cost.elements.items() if action in cost.accesses}
    assert sum(count for action, count in paid.items() if action.memory == "DRAM") == 572_528
    assert sum(count for action, count in paid.items() if action.memory == "shared_glb") == 1_913_456


def test_other_conventions_count_otherwise(designs: dict[str, Any], tools: ModuleType) -> None:
    said = _said(designs["simba_like"], tools)
    cost = _design(designs, "simba_like", tools, ZIGZAG)
    assert {key: cost.elements.get(key, 0.0) for key in said} != said
