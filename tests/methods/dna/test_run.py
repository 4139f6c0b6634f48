"""The four modes from top to bottom on tiny digits, and what they leave on disk."""

from pathlib import Path
from typing import Any

import pytest
import torch

import netchip
from netchip.errors import BudgetError, DataError
from netchip.files import read_json
from netchip.methods import find_method
from netchip.methods.dna.run import stages_of
from netchip.methods.method import Result
from netchip.report.figure import read_figure
from netchip.train.rundir import RunDir

METHOD = find_method("dna")


def run(root: Path, **changes: Any) -> tuple[Result, Path]:
    config = METHOD.experiment("smoke").changed(
        **({"train": {"device": "cpu", "progress": "quiet"}, "controls": ()} | changes)
    )
    with RunDir.open(root, METHOD.name, "smoke", config, config.seed) as rundir:
        return METHOD.run(config, rundir), rundir.path


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    return run(tmp_path_factory.mktemp("runs"), controls=("sequential", "random", "published"))


def test_every_arm_keeps_the_pace_and_the_board(joint: tuple[Result, Path]) -> None:
    result, _ = joint
    assert [arm.name for arm in result.arms] == ["joint", "sequential", "random", "random-2", "published"]
    for arm in result.arms:
        assert arm.modelled["fps"] >= 30_000
        assert arm.modelled["dsp"] <= 176
        assert 0 <= arm.measured["test_accuracy_percent"] <= 100
    assert result.efficient.macs == result.arms[0].counted["macs"] == result.metrics["macs"]
    assert result.dense.macs > result.efficient.macs
    assert "all arms: the same limits" in " ".join(result.notes)
    assert "epochs from the supernet's weights, the best 1 again after 2; the one taken was" in result.notes[-1]
    random = [arm.measured["test_accuracy_percent"] for arm in result.arms if arm.name.startswith("random")]
    assert result.metrics["random_best_accuracy_percent"] == max(random)
    assert result.metrics["random_median_accuracy_percent"] == sum(random) / 2
    assert 0 < result.arms[0].measured["hardware_seconds"] < result.arms[0].measured["search_seconds"]


def test_network_and_accelerator_are_read_back_from_the_folder(joint: tuple[Result, Path]) -> None:
    result, folder = joint
    network = netchip.load(folder)
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert sum(each.numel() for each in network.parameters()) == result.arms[0].counted["parameters"]
    assert read_json(folder / "pair.json")["over"] == {}
    kinds = [read_figure(path).kind for path in sorted((folder / "figures").glob("*.json"))]
    assert kinds == ["scatter", "bars", "line"]


def test_a_network_for_the_accelerator_that_was_found(joint: tuple[Result, Path], tmp_path: Path) -> None:
    given = joint[1] / "accelerator.json"
    result, folder = run(tmp_path, mode="network", accelerator=given)
    assert read_json(folder / "accelerator.json") == read_json(given)
    assert result.arms[0].modelled["fps"] >= 30_000
    assert result.metrics["hardware_solves"] == 0


def test_an_accelerator_for_the_network_that_was_found_is_the_one_that_was_found(
    joint: tuple[Result, Path], tmp_path: Path
) -> None:
    result, _ = run(tmp_path, mode="accelerator", network=joint[1])
    assert result.metrics["fps"] == joint[0].metrics["fps"]
    assert result.metrics["test_accuracy_percent"] == joint[0].metrics["test_accuracy_percent"]
    assert result.metrics["blocks"] == joint[0].metrics["blocks"]


def test_a_pair_is_evaluated_over_its_limits_or_not(joint: tuple[Result, Path], tmp_path: Path) -> None:
    given = {"mode": "evaluate", "accelerator": joint[1] / "accelerator.json"}
    result, _ = run(tmp_path, **given, network=joint[1], platform={"fps": 1e6})
    assert "over its limits: frame_s" in result.headline
    other, _ = run(tmp_path, **given, model={"name": "resnet8"}, final={"epochs": 0})
    assert other.efficient.macs != joint[0].efficient.macs


def test_what_cannot_be_had_is_said_before_any_training(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match=r"no network of space 'small' keeps the limits on pynq-z2.*frame_s"):
        run(tmp_path, platform={"fps": 1e7})
    with pytest.raises(BudgetError, match="frames a second"):
        run(tmp_path, mode="accelerator", model={"name": "resnet8"}, final={"epochs": 0}, platform={"fps": 1e6})
    with pytest.raises(DataError, match=r"no such file|accelerator"):
        run(tmp_path, mode="network", accelerator=tmp_path / "none.json")
    assert not list(tmp_path.rglob("checkpoint.pt"))


def test_an_accuracy_that_is_not_reached_is_refused(joint: tuple[Result, Path], tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match=r"an accuracy of 99.90% is not reached"):
        run(tmp_path, mode="accelerator", network=joint[1], accuracy_floor_percent=99.9)


def test_a_run_goes_on_where_it_stopped_with_the_same_bits(joint: tuple[Result, Path], tmp_path: Path) -> None:
    config = METHOD.experiment("smoke").changed(train={"device": "cpu", "progress": "quiet"}, controls=())
    with RunDir.open(tmp_path, METHOD.name, "smoke", config, config.seed) as rundir:
        stages_of(config, rundir).searched()  # and no further
    with RunDir.open(tmp_path, METHOD.name, "smoke", config, config.seed) as rundir:
        result = METHOD.run(config, rundir)
    assert result.metrics["blocks"] == joint[0].metrics["blocks"]
    assert result.metrics["test_accuracy_percent"] == joint[0].metrics["test_accuracy_percent"]
    own, theirs = netchip.load(rundir.path).state_dict(), netchip.load(joint[1]).state_dict()
    assert all(torch.equal(own[name], theirs[name]) for name in own)
