"""The whole run on real digits, as small as it goes: result, files, resume, the way back."""

import json
from pathlib import Path

import pytest
import torch

import netchip
from netchip.errors import CheckpointError
from netchip.files import read_json
from netchip.methods.early_bird import experiments
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.early_bird.run import run
from netchip.methods.method import Result
from netchip.models.build import example_input
from netchip.train.rundir import RunDir


def tiny(**changes: object) -> EarlyBirdConfig:
    return experiments.smoke().changed(
        epochs=3,
        latest_epoch=2,
        window=2,
        data={"batch_size": 128},
        train={"progress": "quiet", "deterministic": True},
        **changes,
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
    assert [figure["kind"] for figure in figures.values()] == ["line", "line", "heatmap", "bars", "bars"]
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
    config = tiny(dense_baseline=False).changed(epochs=3, latest_epoch=None, eps=0.009)
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


TWO = tiny(ratio=(0.3, 0.5), dense_baseline=False)


@pytest.fixture(scope="module")
def two_tickets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    return finished(tmp_path_factory.mktemp("two"), TWO)


def test_several_ratios_are_arms_of_one_search(two_tickets: tuple[Path, Result], done: tuple[Path, Result]) -> None:
    path, result = two_tickets
    assert [arm.name for arm in result.arms] == ["ticket-0.5", "ticket"]
    half, third = (arm.counted["macs"] for arm in result.arms)
    assert half < third
    example = example_input(TWO.model)
    assert netchip.to_workload(netchip.load(path / "ticket-0.5"), example).macs == half
    assert netchip.load(path / "ticket-0.5" / "drawn")(example).shape == (1, 10)
    alone, _ = done
    assert tiny().ratio == (0.3,)
    assert (alone / "model.safetensors").read_bytes() == (path / "model.safetensors").read_bytes(), (
        "what is searched beside it must not change a ticket"
    )


def test_a_draw_that_is_gone_is_not_replaced_by_a_later_network(
    two_tickets: tuple[Path, Result], tmp_path: Path
) -> None:
    """Of two tickets one was drawn an epoch before the search ended: without its draw on disk nobody has its network."""
    path, _ = two_tickets
    saved = torch.load(path / "search" / "checkpoint.pt", weights_only=True)
    saved["phase"]["search"]["tickets"][1]["description"]["epoch"] = 1
    with RunDir.open(tmp_path, "early-bird", "test", TWO, TWO.seed) as rundir:
        (rundir.path / "search").mkdir()
        torch.save(saved, rundir.path / "search" / "checkpoint.pt")
        with pytest.raises(CheckpointError, match=r"draw-0\.5\.pt: the draw cannot be read .* --fresh to search anew"):
            run(TWO, rundir)


def test_a_budget_of_macs_is_kept_by_a_run(tmp_path: Path) -> None:
    _, result = finished(tmp_path, tiny(macs="40%", dense_baseline=False))
    assert result.arms[0].counted["macs"] <= 0.4 * result.dense.macs


@pytest.mark.parametrize(
    ("settings", "first_epoch"), [({"weights": "rewind", "rewind_epoch": 1}, 1), ({"weights": "reinit"}, 0)]
)
def test_a_ticket_that_starts_elsewhere_trains_from_there(
    tmp_path: Path, settings: dict[str, object], first_epoch: int
) -> None:
    path, result = finished(tmp_path, tiny(dense_baseline=False, **settings))
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows if row["phase"] == "retrain"] == list(range(first_epoch, 3))
    [ticket] = result.arms
    dense = result.dense.macs
    assert ticket.counted["training_macs"] == 3 * 1024 * (2 * dense + (3 - first_epoch) * ticket.counted["macs"])
    assert any(f"trained from epoch {first_epoch}" in note for note in result.notes)


def test_the_emulated_search_is_labelled_and_resumed_alike(tmp_path: Path) -> None:
    config = tiny(search_precision="bfp8", retrain_precision="bfp8", dense_baseline=False)
    path, result = finished(tmp_path, config)
    assert result.simulated == (
        "arithmetic of ticket: 8-bit block floating point, emulated in float32: its seconds and joules are those of the emulation",
    )
    plain = netchip.load(path)
    assert not any(module._forward_hooks for module in plain.modules())
    other = tmp_path / "other"
    with RunDir.open(other, "early-bird", "test", config, config.seed) as rundir:
        (rundir.path / "search").mkdir()
        (rundir.path / "search" / "checkpoint.pt").write_bytes((path / "search" / "checkpoint.pt").read_bytes())
        run(config, rundir)
        assert (rundir.path / "model.safetensors").read_bytes() == (path / "model.safetensors").read_bytes()


def test_bf16_searches_and_full_precision_retrains(tmp_path: Path) -> None:
    path, result = finished(tmp_path, tiny(search_precision="bf16", dense_baseline=False))
    assert result.simulated == ()
    assert netchip.load(path)(example_input(tiny().model)).dtype == torch.float32


def test_the_stream_kept_whole_by_official_counting(tmp_path: Path) -> None:
    config = tiny(stream="full", counting="official", dense_baseline=False).changed(
        model={"name": "preresnet20", "width": 0.5}
    )
    path, result = finished(tmp_path, config)
    network, example = netchip.load(path), example_input(config.model)
    assert netchip.to_workload(network, example).macs == result.arms[0].counted["macs"]
    assert result.arms[0].counted["macs"] < result.dense.macs
    assert network.layer1[0].conv3.out_channels == 32, "the stream keeps its width"


def test_adam_is_pulled_in_the_proximal_form(tmp_path: Path) -> None:
    _, result = finished(
        tmp_path, tiny(dense_baseline=False, l1=1e-2).changed(optimizer={"name": "adam", "learning_rate": 0.01})
    )
    assert result.metrics["ticket_epoch"] == 2
