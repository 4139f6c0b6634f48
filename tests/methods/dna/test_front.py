"""Several targets in one run: each pair keeps its own, what nothing reaches is said, and the whole goes on where it stopped."""

import csv
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import netchip
from netchip.errors import ConfigError
from netchip.export.mapped_network import read_mapped
from netchip.files import read_json
from netchip.methods import find_method
from netchip.methods.dna.config import DnaConfig
from netchip.methods.method import Result
from netchip.report.figure import read_figure
from netchip.train.rundir import RunDir

METHOD = find_method("dna")
QUIET: Mapping[str, Any] = {"train": {"device": "cpu", "progress": "quiet"}, "controls": ()}


def run(root: Path, experiment: str, **changes: Any) -> tuple[Result, Path]:
    config = METHOD.experiment(experiment).changed(**QUIET, **changes)
    with RunDir.open(root, METHOD.name, experiment, config, config.seed) as rundir:
        return METHOD.run(config, rundir), rundir.path


def rows_of(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "front/pareto.csv").open()))


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    return run(tmp_path_factory.mktemp("runs"), "smoke", targets=(45_000, 1e7))


def test_each_pair_keeps_its_own_target(swept: tuple[Result, Path]) -> None:
    result, folder = swept
    rows = rows_of(folder)
    assert [float(row["target"]) for row in rows] == [30_000, 45_000, 1e7]
    for row in rows[:2]:
        assert float(row["fps"]) >= float(row["target"])
        assert 0 < float(row["dsp"]) <= 176
    assert float(rows[0]["fps"]) == result.metrics["fps"]
    assert "frame_s" in rows[2]["refused"]
    assert any(row["on_front"] == "True" for row in rows)
    assert any(note.startswith("front/pareto.csv: 2 of 3 targets reached") for note in result.notes)
    assert read_figure(folder / "figures/front.json").kind == "scatter"
    assert read_figure(folder / "figures/front_table.json").kind == "table"


def test_each_pair_lies_in_a_folder_of_its_own(swept: tuple[Result, Path]) -> None:
    folder = swept[1] / "front/fps-45000"
    assert netchip.load(folder)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert read_json(folder / "accelerator.json")["report"]["fps"] >= 45_000
    assert not (swept[1] / "front/fps-1e+07/search").exists()  # refused before any training
    assert not (folder / "pretrain").exists()  # the supernet was there


def test_it_goes_on_where_it_stopped(swept: tuple[Result, Path], tmp_path: Path) -> None:
    result, folder = swept
    shutil.copytree(folder.parents[2], tmp_path / "runs")
    copied = tmp_path / "runs" / folder.relative_to(folder.parents[2])
    for name in ("target-45000.json", "target-1e+07.json", "pareto.csv"):
        (copied / "front" / name).unlink()
    shutil.rmtree(copied / "front/fps-45000")
    again, _ = run(tmp_path / "runs", "smoke", targets=(45_000, 1e7))
    assert rows_of(copied) == rows_of(folder)
    assert again.metrics["front_points"] == result.metrics["front_points"]


def test_targets_of_energy_delay_on_a_hierarchy(tmp_path: Path) -> None:
    _, folder = run(tmp_path, "smoke-edp", targets=(2.5e-6,))
    rows = rows_of(folder)
    assert [float(row["target"]) for row in rows] == [5e-6, 2.5e-6]
    for row in rows:
        assert float(row["edp_uj_s"]) <= float(row["target"])
        assert float(row["energy_pj"]) * float(row["latency_s"]) * 1e-6 == pytest.approx(float(row["edp_uj_s"]))
    assert len(read_mapped(folder / "front/edp-2.5e-06").mappings) > 0


def test_targets_without_a_search_are_refused() -> None:
    with pytest.raises(ConfigError, match="targets belong to mode = 'joint', but mode = 'accelerator'"):
        DnaConfig.parse({"mode": "accelerator", "model": {"name": "resnet8"}, "targets": [3.0]}, source="test")
    with pytest.raises(ConfigError, match="targets"):
        DnaConfig.parse({"targets": [0.0]}, source="test")
