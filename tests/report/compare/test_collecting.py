"""Folders of runs, walked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netchip.errors import DataError
from netchip.report.compare.collecting import collect, run_folders

WriteRun = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path, write_run: WriteRun) -> Path:
    """Runs at two depths, one unfinished, one broken, and one in a hidden folder."""
    for seed, place in (
        (1, "m/e-0/seed-1"),
        (2, "sweep/deep/er/m/e-0/seed-2"),
        (3, "m/e-1/seed-3"),
        (4, ".cache/seed-4"),
    ):
        write_run(tmp_path / place, seed=seed, drawn={})
    (tmp_path / "m/e-1/seed-3/result.json").write_text('{"format": 9}')
    write_run(tmp_path / "m/e-1/seed-5", seed=5, drawn={})
    (tmp_path / "m/e-1/seed-5/result.json").unlink()
    return tmp_path


def test_finds_runs_at_any_depth_and_says_what_it_leaves_out(tree: Path) -> None:
    found = collect([tree])
    assert [run.result.seed for run in found.runs] == [1, 2]
    told = {folder.name: why for folder, why in found.left_out}
    assert "written in format 9" in told["seed-3"]
    assert "not finished; `netchip resume" in told["seed-5"]
    assert len(told) == 2


def test_a_run_that_is_named_twice_counts_once(tree: Path) -> None:
    assert [run.result.seed for run in collect([tree / "m/e-0/seed-1", tree, tree / "m"]).runs] == [1, 2]


def test_a_run_inside_a_run_is_part_of_it(tree: Path, write_run: WriteRun) -> None:
    inner = write_run(tree / "m/e-0/seed-1/stage/seed-7", seed=7, drawn={})
    assert inner not in list(run_folders(tree))


def test_a_broken_run_that_is_named_itself_is_refused(tree: Path) -> None:
    with pytest.raises(DataError, match="written in format 9, this netchip reads format 1"):
        collect([tree / "m/e-0", tree / "m/e-1/seed-3"])
    with pytest.raises(DataError, match=r"seed-5: no result\.json: the run is not finished"):
        collect([tree / "m/e-1/seed-5"])


def test_nothing_to_show_is_refused_with_the_reasons(tree: Path) -> None:
    with pytest.raises(DataError, match=r"format 9.*not finished"):
        collect([tree / "m/e-1"])
    with pytest.raises(DataError, match="nowhere: no such folder; give the folder of a run"):
        collect([tree / "nowhere"])
    with pytest.raises(DataError, match=r"result\.json: not a folder"):
        collect([tree / "m/e-0/seed-1/result.json"])
    with pytest.raises(DataError, match="needs at least one run folder"):
        collect([])
