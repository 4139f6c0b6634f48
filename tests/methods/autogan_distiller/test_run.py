"""The smoke run from top to bottom, once, and what it leaves on disk."""

from pathlib import Path

import pytest
import torch

from netchip.errors import BudgetError, ConfigError
from netchip.methods import find_method
from netchip.methods.autogan_distiller.eight_bit.files import load_eight_bit
from netchip.methods.autogan_distiller.students import load_student
from netchip.methods.method import Result
from netchip.report.figure import read_figure
from netchip.train.rundir import RunDir

METHOD = find_method("autogan-distiller")


def run(root: Path, **changes: object) -> tuple[Result, Path]:
    config = METHOD.experiment("smoke").changed(train={"device": "cpu", "progress": "quiet"}, **changes)
    with RunDir.open(root, METHOD.name, "smoke", config, config.seed) as rundir:
        return METHOD.run(config, rundir), rundir.path


@pytest.mark.slow
def test_smoke_from_top_to_bottom(tmp_path: Path) -> None:
    result, folder = run(tmp_path)
    names = [arm.name for arm in result.arms]
    assert names[:2] == ["teacher", "bicubic"]
    assert {"random-1", "random-2", "uniform"} <= set(names)
    assert names[-1] == "student"
    arms = {arm.name: arm for arm in result.arms}
    cost = arms["student"].counted["macs"]
    assert cost <= 0.1 * arms["teacher"].counted["macs"]
    for name, arm in arms.items():
        if name not in ("teacher", "bicubic"):
            assert arm.counted["macs"] <= cost
    assert arms["teacher"].measured["psnr_to_teacher_db"] == 100.0
    assert arms["bicubic"].measured["psnr_to_truth_db"] > 30
    assert result.efficient.macs == cost
    figures = [read_figure(path) for path in sorted((folder / "figures").glob("*.json"))]
    assert [figure.kind for figure in figures] == [
        "line",
        "line",
        "bars",
        "scatter",
        "table",
        "table",
        "images",
        "images",
    ]
    assert [row[0] for row in figures[4].rows] == [
        "bicubic",
        "random, median of 2",
        "random, best of 2",
        *(name for name in names[2:] if not name.startswith("random")),
    ]
    layers = [row for row in figures[5].rows if row[0] == "student"]
    assert len(layers) == len(result.efficient.layers)
    assert all(row[-1].endswith("J") for row in layers)
    for chip in ("edge_npu", "eyeriss"):
        energy = {name: arms[name].modelled[f"{chip}_energy_pj"] for name in ("teacher", "student")}
        assert 0 < energy["student"] < 0.5 * energy["teacher"]
    assert "of 2 random networks median" in result.headline
    small = arms["student-8-bit"].measured
    assert small["file_bytes"] < 0.7 * arms["student"].measured["file_bytes"]
    assert small["psnr_to_teacher_db"] > arms["student"].measured["psnr_to_teacher_db"] - 1
    assert small["onnxruntime_ms"] > 0
    assert small["onnxruntime_float_ms"] > 0
    assert load_eight_bit(folder / "student-8-bit")(torch.rand(1, 3, 16, 16)).shape == (1, 3, 32, 32)
    student = load_student(folder)
    assert student(torch.rand(1, 3, 16, 16)).shape == (1, 3, 32, 32)


def test_a_budget_that_cannot_be_met_is_refused_before_the_teacher_is_trained(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="it reaches from"):
        run(tmp_path, budget="1k")
    assert not list(tmp_path.rglob("checkpoint.pt"))


def test_a_chip_that_is_not_there_is_refused_before_any_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="abacus"):
        run(tmp_path, chips=("abacus",))
    assert not list(tmp_path.rglob("checkpoint.pt"))
