"""What chips would take for what a sweep found."""

from pathlib import Path

import pytest

from netchip.compose.sweep.costing import priced
from netchip.compose.sweep.grid import trials_of
from netchip.compose.sweep.outcome import Outcome
from netchip.compose.sweep.record import Swept
from netchip.compose.sweep.spec import SweepSpec
from netchip.files import read_json, write_json
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.hardware.network_cost import cost
from netchip.methods.method import Method
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape


def workload(features: int) -> Workload:
    return Workload((Layer("fc", LayerShape.linear(batch=1, in_features=16, out_features=features)),))


def finished(spec: SweepSpec) -> Swept:
    """Two trials, the second of which failed."""
    trials = trials_of(spec)
    folder = trials[0].folder(Path("runs"))
    workload(16).save(folder / "workload_dense.json")
    workload(8).save(folder / "workload_efficient.json")
    write_json(folder / "result.json", {"arms": [{"modelled": {"own_energy_pj": 1.0}}]})
    statuses = ("done", "failed")
    outcomes = tuple(Outcome(trial=trial, status=each) for trial, each in zip(trials, statuses, strict=True))  # type: ignore[arg-type]
    return Swept(spec, Path("runs"), Path("runs/sweeps/a"), outcomes)


def test_finished_trials_have_energy_and_latency_on_every_chip(toy: Method) -> None:
    spec = SweepSpec(methods=("toy",), seeds=(1, 2), chips=("eyeriss", "edge-npu"), mappings=50)
    told: list[tuple[str, int, int]] = []
    found = priced(finished(spec), told=lambda *each: told.append(each))
    assert told == [("toy seed=1", 0, 1)]
    done, failed = read_json(found.folder / "sweep.json")["trials"]
    report = cost(workload(8), load_chip("edge-npu"), mapper=EvolutionaryMapper(samples=50))
    dense = cost(workload(16), load_chip("edge-npu"), mapper=EvolutionaryMapper(samples=50))
    assert done["modelled"]["edge_npu_energy_pj"] == report.energy_pj
    assert done["modelled"]["edge_npu_latency_s"] == report.latency_s
    assert done["modelled"]["edge_npu_energy_of_dense_percent"] == 100 * report.energy_pj / dense.energy_pj < 100
    assert done["modelled"]["own_energy_pj"] == 1.0
    assert "eyeriss_energy_pj" in done["modelled"]
    assert "modelled" not in failed


def test_without_chips_nothing_is_priced(toy: Method) -> None:
    swept = finished(SweepSpec(methods=("toy",), seeds=(1, 2)))
    assert priced(swept) is swept


def test_what_a_chip_cannot_run_is_said(toy: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = finished(SweepSpec(methods=("toy",), seeds=(1, 2), chips=("eyeriss",), mappings=50))
    Workload(()).save(swept.folder_of(swept.done[0]) / "workload_efficient.json")
    found = priced(swept).to_json()["trials"][0]["modelled"]
    assert found["eyeriss_why_not"] == "this network has no layer to cost; give one that multiplies"
    assert "eyeriss_energy_pj" not in found
