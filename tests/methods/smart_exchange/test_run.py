"""The whole run on real digits, as small as it goes: result, files, resume, the way back."""

import json
from pathlib import Path

import pytest
import torch

import netchip
from netchip.cli.main import main
from netchip.files import read_json
from netchip.methods.method import Result
from netchip.methods.smart_exchange import experiments
from netchip.methods.smart_exchange.accounting.of_file import sizes_of_file
from netchip.methods.smart_exchange.accounting.table import rows
from netchip.methods.smart_exchange.config import SmartExchangeConfig
from netchip.methods.smart_exchange.file.reading import read
from netchip.methods.smart_exchange.run import run
from netchip.report.figure import read_figure
from netchip.train.rundir import RunDir
from netchip.workload.sparsity_file import NetworkSparsity

ARMS = ("int8", "int4", "longer", "post-training", "post-training-rows", "straight-through", "bucket", "projected")


def tiny(**changes: object) -> SmartExchangeConfig:
    small = {"epochs": 2, "retrain_epochs": 2, "arms": ARMS, "frozen_share": 0.5, "average_share": 0.5}
    quiet = {"data": {"batch_size": 128}, "train": {"progress": "quiet"}, "calibration_batches": 1}
    return experiments.smoke().changed(**small, **quiet, exchange={"ramp": 1, "iterations": 5}, **changes)


def finished(root: Path, config: SmartExchangeConfig) -> tuple[Path, Result]:
    with RunDir.open(root, "smart-exchange", "test", config, config.seed) as rundir:
        return rundir.path, run(config, rundir)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    return finished(tmp_path_factory.mktemp("runs"), tiny())


def test_the_arms_stand_side_by_side(done: tuple[Path, Result]) -> None:
    _, result = done
    assert tuple(arm.name for arm in result.arms) == ("dense", *ARMS)
    bits = {arm.name: arm.counted["bits_per_weight"] for arm in result.arms}
    assert bits["dense"] == bits["longer"] == 32
    assert 8 < bits["int8"] < 8.3
    assert 4 < bits["int4"] < 4.5
    assert all(2 < bits[name] < 3 for name in ("post-training-rows", "straight-through", "bucket", "projected"))
    assert 4.3 < bits["post-training"] < 4.8
    for arm in result.arms:
        assert 0 <= arm.measured["test_accuracy_percent"] <= 100
        assert 0 <= arm.measured["test_accuracy_8bit_inputs_percent"] <= 100
    assert result.headline.startswith("SmartExchange (projected): 2.")


def test_file_sizes_are_those_of_real_files(done: tuple[Path, Result]) -> None:
    path, result = done
    sizes = {arm.name: arm.measured["file_bytes"] for arm in result.arms}
    assert sizes["projected"] == (path / "model.se.safetensors").stat().st_size
    assert sizes["int4"] == (path / "int4" / "model.rounded.safetensors").stat().st_size
    assert sizes["dense"] == (path / "dense" / "model.safetensors").stat().st_size
    assert sizes["projected"] < sizes["int4"] < sizes["int8"] < sizes["dense"]


def test_the_packed_file_holds_the_network_bit_for_bit(done: tuple[Path, Result]) -> None:
    path, _ = done
    for folder in (path, path / "bucket", path / "post-training-rows", path / "straight-through"):
        network, stored = netchip.load(folder).state_dict(), read(folder / "model.se.safetensors").state_dict()
        assert network.keys() == stored.keys()
        assert all(torch.equal(tensor, stored[name]) for name, tensor in network.items())


def test_the_workload_states_what_is_stored(done: tuple[Path, Result]) -> None:
    _, result = done
    assert result.efficient.macs == result.dense.macs
    assert result.efficient.weight_bits < 0.45 * result.dense.weight_bits  # of 8-bit weights
    actions = [layer.weights.rebuild_actions(layer.shape) for layer in result.efficient.layers]
    assert sum(action.get("shift_add", 0) for action in actions) > 0


def test_figures_are_plain_json_that_the_report_draws(done: tuple[Path, Result]) -> None:
    path, _ = done
    figures = {file.stem: read_json(file) for file in sorted((path / "figures").iterdir())}
    kinds = ["scatter", "line", "scatter", *["bars"] * 4]  # of the arms
    kinds += [
        "table",
        "table",
        "table",
        "bars",
        "heatmap",
        "bars",
        "bars",
        "heatmap",
        "table",
    ]  # error against bits, sizes by three rules, the engines
    assert [figure["kind"] for figure in figures.values()] == kinds
    assert all(read_figure(file).title for file in (path / "figures").iterdir())
    assert figures["2-accuracy"]["series"][-1]["x"] == [3, 4]
    exponents = figures["6-exponents"]["series"][-1]["values"]
    assert sum(exponents) == pytest.approx(100.0, abs=0.1)
    rows = {each["name"]: each["values"] for each in figures["5-rows"]["series"]}
    assert all(value >= 48 for value in rows["projected: rows"])


def test_the_engines_run_the_networks_of_the_run(done: tuple[Path, Result], capsys: pytest.CaptureFixture[str]) -> None:
    path, result = done
    assert result.simulated[0].startswith("SmartExchange: ")
    assert result.simulated[1].startswith("estimate; constants: smart-exchange-28nm")
    assert "activations traced on 32 inputs" in result.simulated[2]
    assert "their own, weights rounded to 8 bits" in result.simulated[3]
    layers = read_json(path / "figures" / "9g-engines-layers.json")
    assert layers["columns"][2:4] == [">error of\npost-training", ">error of\npost-training-rows"]
    for plain, pruned in (row[2:4] for row in layers["rows"]):
        assert 0.1 < float(plain) < float(pruned) < 1
    stored = sum(layer["dram_bytes"][part] for layer in read_json(path / "engines.json")["engines"]["smart_exchange"]["layers"]
                 for part in ("coefficients", "basis", "index"))  # fmt: skip
    assert stored == pytest.approx(result.efficient.weight_bits / 8)
    assert NetworkSparsity.load(path / "sparsity.json").layers[0].layer == "conv1"
    assert main(["engines", str(path), "--json"]) == 0
    asked = json.loads(capsys.readouterr().out)
    assert "activations assumed" in asked["sparsity"]


def test_the_sizes_by_three_rules_are_those_of_the_files(done: tuple[Path, Result]) -> None:
    path, _ = done
    table = read_json(path / "figures" / "8a-accounting.json")
    ours = next(row for row in table["rows"] if row[0] == "projected, paper")
    by_file = next(row for row in table["rows"] if row[0] == "projected, file")
    sizes = sizes_of_file(read(path / "model.se.safetensors"))
    assert [by_file, ours] == [list(row) for row in rows(sizes, of="projected")[:2]]


def test_the_table_of_error_against_bits_has_its_verdict(done: tuple[Path, Result]) -> None:
    table = read_json(done[0] / "figures" / "8-distortion.json")
    assert {"int8", "int4-g64", "int3-g64"} <= {row[0] for row in table["rows"]}
    assert "SmartExchange without row sparsity is dominated by int4-g64 in error per bit." in table["notes"]


def test_the_notes_say_where_it_loses(done: tuple[Path, Result]) -> None:
    _, result = done
    assert any("dominated by int4-g64" in note for note in result.notes)


def test_a_second_call_trains_nothing_and_ends_with_the_same_bytes(done: tuple[Path, Result]) -> None:
    path, result = done
    weights = (path / "model.se.safetensors").read_bytes()
    lines = (path / "metrics.jsonl").read_text()
    with RunDir.open(path.parents[2], "smart-exchange", "test", tiny(), 1) as rundir:
        again = run(tiny(), rundir)
    assert (path / "model.se.safetensors").read_bytes() == weights
    assert (path / "metrics.jsonl").read_text() == lines
    assert json.dumps(again.to_json()["arms"]) == json.dumps(result.to_json()["arms"])
