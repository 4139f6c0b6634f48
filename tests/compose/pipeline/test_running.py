"""Pipelines at smoke size: each pair of stages that makes sense, resumed, loaded, and what is refused before any training."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import netchip
from netchip.compose.pipeline.pipeline import PipelineRun, pipeline
from netchip.errors import CheckpointMismatch, ConfigError, DataError
from netchip.files import read_json, write_json
from netchip.methods.fractional_skipping.network import FractionalNetwork
from netchip.methods.smart_exchange.file.reading import read
from netchip.workload.network import Workload

TICKET = {"ticket": {"ratio": 0.3, "epochs": 3, "latest_epoch": 1, "window": 2, "optimizer": {"learning_rate": 0.05}}}
SMALL: dict[str, Any] = {
    "model": {"name": "resnet8", "in_channels": 1, "image_size": 8, "width": 0.5},
    "data": {"name": "digits", "image_size": 8, "batch_size": 128},
    "train": {"progress": "quiet"},
}
GATES = {
    "epochs": 1,
    "options": "skip, 4, 8",
    "budgets": ["60%"],
    "tolerance": 0.4,
    "optimizer": {"learning_rate": 0.02},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all pipelines of this file: the ticket's run is made once."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def packed(root: Path) -> PipelineRun:
    """Ticket, SmartExchange, engines; on one chip."""
    stages = [TICKET, {"smart-exchange": {"exchange": {"row_sparsity": 0.2}}}, {"engines": {"images": 4}}]
    return pipeline(SMALL | {"name": "packed", "stages": stages, "chips": ["edge-npu"], "mappings": 20}, root)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever trains fails."""

    def fails(*_: Any, **__: Any) -> None:
        raise AssertionError("trains")

    monkeypatch.setattr("netchip.train.phase.Classification.train_step", fails)


def row(run: PipelineRun, name: str) -> Mapping[str, float]:
    arm = run.arms[name]
    return {**arm["counted"], **arm["measured"], **arm["modelled"]}


def the_ticket(root: Path) -> Path:
    [folder] = root.glob("early-bird/custom-*/seed-1")
    return folder


def test_ticket_then_smart_exchange_then_engines_in_one_table(packed: PipelineRun) -> None:
    assert list(packed.arms) == ["dense", "ticket", "smart-exchange"]
    dense, ticket, small = (row(packed, name) for name in packed.arms)
    assert dense["macs"] > ticket["macs"] == small["macs"]
    assert dense["file_bytes"] > ticket["file_bytes"] > small["file_bytes"]
    assert dense["weight_bits"] > ticket["weight_bits"] > small["weight_bits"]
    assert dense["edge_npu_energy_pj"] > ticket["edge_npu_energy_pj"] > small["edge_npu_energy_pj"]
    assert small["smart_exchange_engine_energy_pj"] < small["diannao_engine_energy_pj"]
    assert "smart_exchange_engine_energy_pj" not in ticket
    assert all(0 < each["test_accuracy_percent"] <= 100 for each in (dense, ticket, small))
    assert packed.result["headline"].startswith("dense -> ticket -> smart-exchange: MACs x 0.")
    assert any("times less energy than DianNao" in line for line in packed.result["simulated"])


def test_its_folder_is_a_run_whose_network_is_the_last(packed: PipelineRun) -> None:
    network = netchip.load(packed.folder)
    stored = packed.folder / "model.se.safetensors"
    assert row(packed, "smart-exchange")["file_bytes"] == stored.stat().st_size
    name, weight = next(iter(read(stored).packed.items()))
    assert torch.equal(
        network.get_parameter(name), netchip.load(packed.folder / "2-smart-exchange/smart-exchange").get_parameter(name)
    )
    assert weight.counts.kept_rows < weight.counts.real_rows
    assert (
        Workload.load(packed.folder / "workload_efficient.json").weight_bits
        == row(packed, "smart-exchange")["weight_bits"]
    )
    assert (packed.folder / "3-engines/engines.json").is_file()


def _without_clock(run: PipelineRun) -> list[dict[str, object]]:
    """All figures but those that a clock gives."""
    parts = ("name", "role", "counted", "measured", "modelled")
    return [
        {
            part: {key: arm[part][key] for key in arm[part] if "latency_batch" not in key}
            if part == "measured"
            else arm[part]
            for part in parts
        }
        for arm in run.arms.values()
    ]


@pytest.mark.usefixtures("no_training")
def test_a_pipeline_goes_on_where_it_was_stopped(packed: PipelineRun, root: Path, tmp_path: Path) -> None:
    before = (packed.folder / "model.se.safetensors").read_bytes()
    shutil.copytree(root, tmp_path / "runs")
    folder = tmp_path / "runs" / packed.folder.relative_to(root)
    for name in ("result.json", "2-smart-exchange/stage.json", "2-smart-exchange/smart-exchange/model.se.safetensors"):
        (folder / name).unlink()
    again = pipeline(read_json(packed.folder / "config.json")["config"], tmp_path / "runs")
    assert again.folder == folder
    assert _without_clock(again) == _without_clock(packed)
    assert (folder / "model.se.safetensors").read_bytes() == before


def test_ticket_then_fractional(root: Path, packed: PipelineRun) -> None:
    gated = pipeline(SMALL | {"name": "gated", "stages": [TICKET, {"fractional": GATES}]}, root)
    assert list(gated.arms) == ["dense", "ticket", "fractional"]
    assert row(gated, "ticket")["macs"] == row(packed, "ticket")["macs"]
    network = netchip.load(gated.folder)
    assert isinstance(network, FractionalNetwork)
    cut = netchip.load(the_ticket(root))
    assert {n: p.shape for n, p in network.plain().named_parameters()} == {
        n: p.shape for n, p in cut.named_parameters()
    }
    rates = [layer.execution_rate for layer in Workload.load(gated.folder / "workload_efficient.json").layers]
    assert min(rates) < 1.0


def test_train_then_smart_exchange_with_retraining(root: Path) -> None:
    stages = [
        {"train": {"epochs": 1, "optimizer": {"learning_rate": 0.05}}},
        {"smart-exchange": {"arm": "projected", "retrain_epochs": 1, "exchange": {"row_sparsity": 0.3}}},
    ]
    found = pipeline(SMALL | {"name": "retrained", "stages": stages}, root)
    assert list(found.arms) == ["dense", "smart-exchange"]
    assert row(found, "smart-exchange")["weight_bits"] < row(found, "dense")["weight_bits"] / 2
    assert "projected, retrained for 1 epochs" in " ".join(found.result["notes"])


@pytest.mark.usefixtures("no_training")
def test_a_run_to_start_from(root: Path, packed: PipelineRun) -> None:
    run = the_ticket(root)
    asked = {"name": "on", "run": str(run), "stages": ["smart-exchange"]}
    found = pipeline(asked, root)
    assert list(found.arms) == ["dense", "ticket", "smart-exchange"]
    assert row(found, "ticket")["test_accuracy_percent"] == row(packed, "ticket")["test_accuracy_percent"]
    with pytest.raises(ConfigError, match="stages: ticket after ticket"):
        pipeline(asked | {"stages": ["ticket"]}, root)
    (found.folder / "result.json").unlink()
    write_json(found.folder / "0-start" / "weights.json", {"sha256": "of others"})
    with pytest.raises(CheckpointMismatch, match="its weights are not those that this pipeline began with; --fresh"):
        pipeline(asked, root)


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([{"train": {"epoch": 1}}], "stage train: unknown key 'epoch'"),
        ([{"ticket": {"seed": 2}}], "stage ticket: seed is a setting of the whole pipeline; leave it out here"),
        ([{"ticket": {"experiment": "smok"}}], "early-bird has no experiment 'smok'"),
        ([{"ticket": {"ratoi": 0.5}}], "stage ticket: unknown key 'ratoi' \\(did you mean 'ratio'\\?\\)"),
        (
            ["train", {"smart-exchange": {"arm": "int8"}}],
            "stage smart-exchange: arm = 'int8' makes no factors; there are",
        ),
        (["train", {"smart-exchange": {"epochs": 3}}], "stage smart-exchange: epochs is nothing that this stage does"),
        (
            ["train", {"fractional": {"baselines": ["int8"]}}],
            "stage fractional: baselines is nothing that this stage does",
        ),
        (["train", {"fractional": {"budgets": ["50%", "40%"]}}], "a pipeline goes on with one network, so name one"),
        (["train", {"fractional": {"options": "skip, 99"}}], "give whole numbers of bits from 2 to 24"),
        ([TICKET, "smart-exchange", {"engines": {"images": 0}}], "stage engines: images = 0"),
        (["ticket", "distill"], "distill is no stage"),
    ],
)
def test_what_is_refused_before_any_training(tmp_path: Path, stages: list[Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pipeline(SMALL | {"stages": stages}, tmp_path)


def saved_run(folder: Path, method: str) -> Path:
    names = {"format": 1, "experiment": "smoke", "version": "0", "seed": 1, "config_hash": "0" * 8, "config": {}}
    write_json(folder / "config.json", names | {"method": method})
    return folder


@pytest.mark.parametrize(
    ("method", "error", "message"),
    [
        ("autogan-distiller", ConfigError, "its student makes pictures, and pipelines are for classifiers"),
        ("pipeline", ConfigError, "is of pipeline, which is no beginning of a pipeline; there are early-bird"),
        ("early-bird", DataError, "is not finished; `netchip resume .*` goes on with it"),
    ],
)
def test_runs_that_are_no_beginning(tmp_path: Path, method: str, error: type[Exception], message: str) -> None:
    run = saved_run(tmp_path / "a", method)
    with pytest.raises(error, match=message):
        pipeline({"run": str(run), "stages": ["smart-exchange"]}, tmp_path)


def test_unknown_chips_are_refused_first(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="eyris"):
        pipeline(SMALL | {"stages": ["train"], "chips": ["eyris"]}, tmp_path)
    with pytest.raises(ConfigError, match="two are called edge-npu"):
        pipeline(SMALL | {"stages": ["train"], "chips": ["edge-npu", "edge-npu"]}, tmp_path)


def test_a_damaged_stage_is_named(root: Path, packed: PipelineRun, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "runs")
    folder = tmp_path / "runs" / packed.folder.relative_to(root)
    (folder / "result.json").unlink()
    write_json(folder / "1-ticket" / "stage.json", {"format": 1})
    with pytest.raises(DataError, match=r"1-ticket/stage.json: damaged \(KeyError\('arms'\)\); delete it"):
        pipeline(read_json(packed.folder / "config.json")["config"], tmp_path / "runs")
