"""The whole run on real digits, as small as it goes: result, files, resume, the way back."""

import json
from pathlib import Path

import pytest
import torch

import netchip
from netchip.files import read_json
from netchip.methods.early_bird import experiments
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.early_bird.run import run
from netchip.methods.method import Result
from netchip.models.build import example_input
from netchip.train.rundir import RunDir


def tiny(**changes: object) -> EarlyBirdConfig:
    return experiments.smoke().changed(
        epochs=3, latest_epoch=2, window=2, data={"batch_size": 128}, train={"progress": "quiet"}, **changes
    )


def finished(root: Path, config: EarlyBirdConfig) -> tuple[Path, Result]:
    with RunDir.open(root, "early-bird", "test", config, config.seed) as rundir:
        return rundir.path, run(config, rundir)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    return finished(tmp_path_factory.mktemp("runs"), tiny())


def test_ticket_and_dense_stand_side_by_side(done: tuple[Path, Result]) -> None:
    _, result = done
    dense, ticket = result.arms
    assert (dense.name, dense.role, ticket.name, ticket.role) == ("dense", "baseline", "ticket", "ours")
    assert ticket.counted["macs"] < dense.counted["macs"]
    assert ticket.counted["parameters"] < dense.counted["parameters"]
    for arm in result.arms:
        assert 0 <= arm.measured["test_accuracy_percent"] <= 100
        assert {"training_seconds", "latency_batch1_ms", "latency_batch64_ms", "file_bytes"} <= arm.measured.keys()
    assert (result.dense.macs, result.efficient.macs) == (dense.counted["macs"], ticket.counted["macs"])


def test_training_macs_are_three_forward_passes_of_what_was_trained(done: tuple[Path, Result]) -> None:
    """1,079 training images in batches of 128: 8 whole batches, 1,024 images an epoch; three epochs."""
    _, result = done
    dense, ticket = result.arms
    drawn = int(result.metrics["ticket_epoch"])  # type: ignore[arg-type]
    images = 8 * 128
    assert dense.counted["training_macs"] == 3 * images * 3 * dense.counted["macs"]
    assert ticket.counted["training_macs"] == 3 * images * (
        drawn * dense.counted["macs"] + (3 - drawn) * ticket.counted["macs"]
    )


def test_the_folder_gives_the_network_back(done: tuple[Path, Result]) -> None:
    path, result = done
    network = netchip.load(path)
    example = example_input(tiny().model)
    assert netchip.to_workload(network, example).macs == result.arms[1].counted["macs"]
    at_the_draw = netchip.load(path / "ticket")
    assert at_the_draw(example).shape == network(example).shape
    assert netchip.load(path / "dense")(example).shape == network(example).shape


def test_figures_are_plain_json(done: tuple[Path, Result]) -> None:
    path, _ = done
    figures = {file.stem: read_json(file) for file in sorted((path / "figures").iterdir())}
    assert [figure["kind"] for figure in figures.values()] == ["line", "line", "heatmap", "bars"]
    assert figures["1-accuracy"]["series"][0]["x"] == [1, 2, 3]


def test_a_second_call_trains_nothing_and_ends_with_the_same_bytes(done: tuple[Path, Result], tmp_path: Path) -> None:
    path, result = done
    weights = (path / "model.safetensors").read_bytes()
    lines = (path / "metrics.jsonl").read_text()
    config = tiny()
    with RunDir.open(path.parents[2], "early-bird", "test", config, config.seed) as rundir:
        again = run(config, rundir)
    assert again.metrics == result.metrics
    assert (path / "model.safetensors").read_bytes() == weights
    assert (path / "metrics.jsonl").read_text() == lines


def test_killed_between_search_and_retraining_it_ends_the_same(done: tuple[Path, Result], tmp_path: Path) -> None:
    """Only what the search left on disk is there; the rest is done again."""
    path, _ = done
    config = tiny()
    with RunDir.open(tmp_path, "early-bird", "test", config, config.seed) as rundir:
        (rundir.path / "search").mkdir()
        (rundir.path / "search" / "checkpoint.pt").write_bytes((path / "search" / "checkpoint.pt").read_bytes())
        rows = (path / "metrics.jsonl").read_text().splitlines(keepends=True)
        (rundir.path / "metrics.jsonl").write_text("".join(row for row in rows if json.loads(row)["phase"] == "search"))
        run(config, rundir)
        assert (rundir.path / "model.safetensors").read_bytes() == (path / "model.safetensors").read_bytes()


def test_without_a_ticket_the_result_says_so(tmp_path: Path) -> None:
    config = tiny(dense_baseline=False).changed(epochs=1, latest_epoch=None, window=5)
    path, result = finished(tmp_path, config)
    assert result.headline.startswith("No ticket was found")
    assert result.metrics["ticket_epoch"] is None
    assert [arm.name for arm in result.arms] == ["ticket"]
    assert netchip.load(path)(example_input(config.model)).shape == (1, 10)
    assert not (path / "ticket").exists()


def test_another_seed_gives_another_network(done: tuple[Path, Result], tmp_path: Path) -> None:
    path, _ = done
    other, _ = finished(tmp_path, tiny(seed=2))
    assert other.parent.name == path.parent.name, "the seed is not part of the configuration's name"
    first, second = netchip.load(path), netchip.load(other)
    example = example_input(tiny().model)
    assert not torch.equal(first(example), second(example))
