"""Run folders as checked values."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netchip.errors import DataError
from netchip.report.record import mean_and_spread, read_run
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape


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


def test_figures_come_in_the_order_of_the_numbers_before_their_names(
    tmp_path: Path, write_run: Callable[..., Path], figures: dict[str, Any]
) -> None:
    drawn = {f"{number}-name": figures["c"] | {"title": str(number)} for number in (10, 2, 1)}
    assert [figure.title for figure in read_run(write_run(tmp_path / "run", drawn=drawn)).figures] == ["1", "2", "10"]


def test_workloads_are_read_where_there_are_some(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    folder = write_run(tmp_path / "run", drawn={})
    assert read_run(folder).dense is None
    layer = Layer("fc", LayerShape.linear(batch=1, in_features=4, out_features=2))
    Workload((layer,)).save(folder / "workload_dense.json")
    found = read_run(folder)
    assert found.dense is not None
    assert (found.dense.macs, found.efficient) == (8, None)
    (folder / "workload_efficient.json").write_text('{"format": 7}')
    with pytest.raises(DataError, match=r"workload_efficient\.json: this workload is of format 7"):
        read_run(folder)


def test_mean_and_sample_deviation() -> None:
    assert mean_and_spread([2.0]) == (2.0, None)
    mean, spread = mean_and_spread([1.0, 2.0, 3.0])
    assert (mean, spread) == (2.0, 1.0)
