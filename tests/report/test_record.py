"""Run folders as checked values."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netchip.errors import DataError
from netchip.report.record import find_runs, mean_and_spread, read_run


def test_reads_all_parts_of_a_run(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    run = read_run(write_run(tmp_path / "run", seed=3))
    assert run.title == "early-bird digits, seed 3"
    assert run.variant == ("early-bird", "digits", "0a1b2c3d")
    assert [figure.kind for figure in run.figures] == ["line", "heatmap", "bars", "images"]
    assert len(run.metrics) == 12
    assert run.config["ratio"] == 0.5


def test_the_settings_of_a_netchip_run_are_shown_without_their_wrapping(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    folder = write_run(tmp_path / "run", drawn={})
    (folder / "config.json").write_text('{"format": 1, "method": "m", "config": {"ratio": 0.25}}')
    assert read_run(folder).config == {"ratio": 0.25}


def test_a_figure_that_is_not_finite_is_missing(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    arm = {"name": "a", "role": "ours", "counted": {"macs": float("nan")}, "measured": {"loss": float("inf")}}
    run = read_run(write_run(tmp_path / "run", result={"arms": [arm]}, drawn={}))
    assert (run.result.arms[0].counted["macs"], run.result.arms[0].measured["loss"]) == (None, None)


def test_finds_runs_at_one_depth(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    runs = [write_run(tmp_path / "m" / "e-0" / f"seed-{seed}", drawn={}) for seed in (1, 2)]
    assert find_runs(tmp_path) == runs
    assert find_runs(runs[0]) == runs[:1]


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file: not a folder"):
        find_runs(tmp_path / "file")


def test_mean_and_sample_deviation() -> None:
    assert mean_and_spread([2.0]) == (2.0, None)
    mean, spread = mean_and_spread([1.0, 2.0, 3.0])
    assert (mean, spread) == (2.0, 1.0)
