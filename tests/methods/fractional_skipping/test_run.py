"""The whole run on real digits, as small as it goes: arms, budgets, files, resume, the way back."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import netchip
from netchip.errors import BudgetError, CheckpointMismatch, ConfigError
from netchip.files import read_json
from netchip.methods.fractional_skipping import experiments
from netchip.methods.fractional_skipping.config import FractionalSkippingConfig
from netchip.methods.fractional_skipping.network import FractionalNetwork
from netchip.methods.fractional_skipping.run import run
from netchip.methods.method import Result
from netchip.models.build import build, example_input
from netchip.report.figure import read_figure
from netchip.train.rundir import RunDir
from netchip.train.saving import save_model

EVERYTHING = ("dense", "int8", "int4", "modal", "skipnet", "random", "early-exit")
ARMS = [*EVERYTHING, "moved-35%", "fractional-30%", "capped", "fractional"]


def tiny(**changes: object) -> FractionalSkippingConfig:
    quiet = {"progress": "quiet", "deterministic": True}
    base = experiments.smoke().changed(
        backbone_epochs=1, epochs=1, tolerance=0.02, data={"batch_size": 256}, train=quiet, baselines=()
    )
    return base.changed(**changes)


def finished(root: Path, config: FractionalSkippingConfig) -> tuple[Path, Result]:
    with RunDir.open(root, "fractional-skipping", "test", config, config.seed) as rundir:
        return rundir.path, run(config, rundir)


@pytest.fixture(scope="module")
def config() -> FractionalSkippingConfig:
    """Every arm there is; ResNet-14 has five gated blocks."""
    return tiny(baselines=EVERYTHING, budgets=("50%", "30%"), cap="60%", model={"name": "resnet14", "width": 0.25})


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, config: FractionalSkippingConfig) -> tuple[Path, Result]:
    return finished(tmp_path_factory.mktemp("runs"), config)


def test_all_arms_stand_side_by_side(done: tuple[Path, Result]) -> None:
    _, result = done
    assert [arm.name for arm in sorted(result.arms, key=lambda arm: ARMS.index(arm.name))] == ARMS
    assert result.arms[-1].name == "fractional"
    for arm in result.arms:
        assert 0 <= arm.measured["test_accuracy_percent"] <= 100
        assert 0 <= arm.counted["gated_cost_percent"] <= arm.counted["gated_cost_largest_percent"]


def test_costs_of_static_arms_are_those_of_their_bits(done: tuple[Path, Result]) -> None:
    costs = {arm.name: arm.counted for arm in done[1].arms}
    assert costs["int8"]["gated_cost_percent"] == costs["int8"]["whole_cost_percent"] == pytest.approx(100)
    assert costs["int4"]["gated_cost_percent"] == pytest.approx(25)
    assert costs["dense"]["gated_cost_percent"] == costs["dense"]["whole_cost_percent"] == pytest.approx(1600)
    plain = netchip.to_workload(
        build(experiments.smoke().changed(model={"name": "resnet14", "width": 0.25}).model), _image()
    )
    assert costs["int8"]["macs"] == costs["dense"]["macs"] == plain.macs
    assert costs["early-exit"]["gated_cost_percent"] <= 50 + 15, "calibrated on held-out data, judged on the test set"


def _image() -> torch.Tensor:
    return example_input(experiments.smoke().model)


def test_budgets_are_met_or_said_to_be_missed(done: tuple[Path, Result]) -> None:
    _, result = done
    notes = " ".join(result.notes)
    for name, budget in (("fractional", 50), ("fractional-30%", 30), ("moved-35%", 35)):
        arm = next(arm for arm in result.arms if arm.name == name)
        near = abs(arm.counted["gated_cost_percent"] - budget) <= 5
        assert near or "missed" in notes or "not met" in notes, name


def test_random_routes_cost_what_the_gates_did(done: tuple[Path, Result]) -> None:
    costs = {arm.name: arm.counted["gated_cost_percent"] for arm in done[1].arms}
    assert costs["random"] == pytest.approx(costs["fractional"], abs=4)
    assert done[1].metrics["shuffled_untrained_cost_percent"] == pytest.approx(costs["fractional"])


def test_no_input_is_above_the_cap(done: tuple[Path, Result]) -> None:
    capped = next(arm for arm in done[1].arms if arm.name == "capped")
    assert capped.counted["gated_cost_largest_percent"] <= 60 + 1e-3


def test_the_efficient_workload_is_that_of_the_routes(done: tuple[Path, Result]) -> None:
    path, result = done
    shares = read_json(path / "routes.json")["trained to 50 %"]["shares"]
    rates = {layer.name: layer.execution_rate for layer in result.efficient.layers}
    for option, share in zip(("4", "8"), shares[0][1:], strict=True):
        assert rates.get(f"layer1.1.conv1@{option}", 0) == pytest.approx(share, abs=1e-5)
    assert sum(rate for name, rate in rates.items() if name.startswith("layer1.1.conv1@")) == pytest.approx(
        1 - shares[0][0], abs=1e-5
    )


def test_the_folder_gives_every_network_back(done: tuple[Path, Result], config: FractionalSkippingConfig) -> None:
    path, result = done
    network = netchip.load(path)
    assert isinstance(network, FractionalNetwork)
    assert network.options.names == ("skip", "4", "8")
    assert network(_image()).shape == (1, 10)
    for name in ("dense", "int4", "skipnet", "modal", "fractional-30%"):
        assert isinstance(netchip.load(path / name), FractionalNetwork), name
    moved = read_json(path / "moved.json")["35%"]
    network.logit_bias.copy_(torch.tensor(moved["bias"]))
    assert result.metrics["blocks"] == len(moved["bias"]) == 5


def test_figures_are_what_the_report_reads(done: tuple[Path, Result]) -> None:
    kinds = [read_figure(file).kind for file in sorted((done[0] / "figures").iterdir(), key=lambda file: file.stem)]
    assert sorted(kinds) == sorted(["line"] * 4 + ["bars"] * 2 + ["heatmap"] * 2 + ["images"] * 2)


def test_a_second_call_trains_nothing_and_ends_with_the_same_bytes(
    done: tuple[Path, Result], config: FractionalSkippingConfig
) -> None:
    path, result = done
    before = {file: file.read_bytes() for file in path.rglob("*.safetensors")}
    lines = (path / "metrics.jsonl").read_text()
    with RunDir.open(path.parents[2], "fractional-skipping", "test", config, config.seed) as rundir:
        again = run(config, rundir)
    assert again.metrics == result.metrics
    assert {file: file.read_bytes() for file in path.rglob("*.safetensors")} == before
    assert (path / "metrics.jsonl").read_text() == lines


def test_killed_after_the_backbone_it_ends_the_same(tmp_path: Path) -> None:
    """Only what stage 1 left on disk is there; the rest is done again."""
    config = tiny()
    path, _ = finished(tmp_path / "first", config)
    with RunDir.open(tmp_path / "second", "fractional-skipping", "test", config, config.seed) as rundir:
        (rundir.path / "backbone").mkdir()
        (rundir.path / "backbone" / "checkpoint.pt").write_bytes((path / "backbone" / "checkpoint.pt").read_bytes())
        rows = (path / "metrics.jsonl").read_text().splitlines(keepends=True)
        (rundir.path / "metrics.jsonl").write_text(
            "".join(row for row in rows if json.loads(row)["phase"] == "backbone")
        )
        run(config, rundir)
        assert (rundir.path / "model.safetensors").read_bytes() == (path / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"backbone_epochs": 0, "gate_epochs": 0},
        {"options": "paper-4", "mode": "paper", "controller": "sign", "strength": 0.1, "gate": "feed_forward"},
        {"options": "skip, 8, full", "gate": "upfront", "estimator": "gumbel", "costs": "macs"},
        {"options": "int8", "candidates": "two", "controller": "squared_hinge", "costs": "int8", "gate_first": True},
    ],
    ids=["one-stage", "paper", "upfront", "cheap"],
)
def test_other_ways_run_through(tmp_path: Path, change: dict[str, object]) -> None:
    path, result = finished(tmp_path, tiny(retarget=(), **change))
    assert [arm.name for arm in result.arms] == ["fractional"]
    assert np.isfinite(result.metrics["cost_percent"])  # type: ignore[arg-type]
    phases = {json.loads(line)["phase"] for line in (path / "metrics.jsonl").read_text().splitlines()}
    wanted = {"fractional"} if change.get("backbone_epochs") == 0 else {"backbone", "fractional-gate", "fractional"}
    assert phases == wanted


def test_a_trained_backbone_is_taken_or_refused_by_its_names(tmp_path: Path) -> None:
    config = tiny(backbone_epochs=0, gate_epochs=0, epochs=1, retarget=())
    other = save_model(build(config.model.changed(name="resnet14")), tmp_path / "other.safetensors")
    with pytest.raises(CheckpointMismatch, match=r"not of this network: unknown layer1\.1\.bn1\.bias, .* and \d+ more"):
        finished(tmp_path, config.changed(backbone=other))
    own = save_model(build(config.model), tmp_path / "own.safetensors")
    _, result = finished(tmp_path, config.changed(backbone=own))
    assert result.arms[0].name == "fractional"


def test_what_cannot_be_is_refused_before_any_training(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match=r"a budget of 10 % .* reach 25 % to 100 %"):
        finished(tmp_path, tiny(options="4, 8", budgets=("10%",)))
    with pytest.raises(ConfigError, match="VGG has 0 residual blocks"):
        finished(tmp_path, tiny(model={"name": "vgg16_bn", "image_size": 32}))
    assert not list(tmp_path.rglob("checkpoint.pt"))
