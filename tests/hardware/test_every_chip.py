"""From a torch network to picojoules on every chip there is: ResNet-18 at 224."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from netchip.graph.to_workload import to_workload
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import load_chip
from netchip.hardware.cost import evaluate
from netchip.hardware.cost_report import CostReport
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.mapping_batch import MappingBatch
from netchip.hardware.network_cost import cost
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.workload.encoding import Precision
from netchip.workload.network import Workload

CHIPS = sorted(path.stem for path in (Path(__file__).parents[2] / "netchip/hardware/presets").glob("*.yaml"))
FEW = RandomMapper(samples=400, unrollings=16, candidates=64)


@pytest.fixture(scope="module")
def resnet18() -> Workload:
    spec = ModelSpec.parse({"name": "resnet18", "classes": 1000})
    return to_workload(build(spec).eval(), example_input(spec))


def _at(workload: Workload, weight_bits: int, input_bits: int, output_bits: int) -> Workload:
    bits = Precision(weight_bits=weight_bits, input_bits=input_bits, output_bits=output_bits, accumulator_bits=32)
    return replace(workload, layers=tuple(replace(layer, precision=bits) for layer in workload.layers))


@pytest.fixture(scope="module", params=CHIPS)
def costed(request: pytest.FixtureRequest, resnet18: Workload) -> tuple[Accelerator, Workload, CostReport]:
    """A chip, the network at 8 bits, and its cost there."""
    chip, workload = load_chip(request.param), _at(resnet18, 8, 8, 8)
    return chip, workload, cost(workload, chip, mapper=FEW, cached=False)


def test_all_layers_run_and_are_counted(costed: tuple[Accelerator, Workload, CostReport]) -> None:
    chip, workload, report = costed
    assert [layer.name for layer in report.layers] == [layer.name for layer in workload.layers]
    assert report.macs == workload.macs == 1_814_073_344
    for layer, result in zip(workload.layers, report.layers, strict=True):
        assert result.cost.too_small == ()
        assert result.cost.work["mac"] == pytest.approx(layer.macs)
        assert 0 < result.cost.utilisation <= 1
        assert result.cost.compute_cycles * chip.units >= layer.macs * chip.cycles_per_mac * (1 - 1e-9)


def test_parts_add_up_to_totals(costed: tuple[Accelerator, Workload, CostReport]) -> None:
    chip, _, report = costed
    energies = [layer.cost.energy_pj for layer in report.layers]
    cycles = [layer.cost.cycles for layer in report.layers]
    assert all(math.isfinite(each) and each > 0 for each in energies + cycles)
    assert report.energy_pj == pytest.approx(math.fsum(energies))
    assert report.latency_s == pytest.approx(math.fsum(cycles) / chip.frequency_hz)
    assert report.edp_pj_s == pytest.approx(report.energy_pj * report.latency_s)
    for layer in report.layers:
        memories, work = layer.cost.memory_energy_pj().values(), layer.cost.work_energy_pj.values()
        assert all(each >= 0 for each in (*memories, *work))
        assert math.fsum([*memories, *work]) == pytest.approx(layer.cost.energy_pj)
    floor = chip.energy.mac_pj(8, 8) * report.macs
    assert report.energy_pj > floor, "memories are not free"


@pytest.mark.parametrize("bits", [(4, 8, 8), (8, 4, 8), (8, 8, 4), (4, 4, 4), (2, 2, 2)])
def test_fewer_bits_never_cost_more(
    costed: tuple[Accelerator, Workload, CostReport], bits: tuple[int, int, int]
) -> None:
    chip, workload, report = costed
    mappings = MappingBatch.of([layer.mapping for layer in report.layers], chip, layers=range(len(report.layers)))
    wide, narrow = (evaluate(each.layers, chip, mappings) for each in (workload, _at(workload, *bits)))
    for index, layer in enumerate(report.layers):
        before, after = wide.row(index), narrow.row(index)
        assert after.too_small == ()
        assert before.energy_pj == pytest.approx(layer.cost.energy_pj)
        assert after.energy_pj <= before.energy_pj * (1 + 1e-12)
        assert after.cycles <= before.cycles * (1 + 1e-12)
    assert sum(narrow.energy_pj) < sum(wide.energy_pj)
