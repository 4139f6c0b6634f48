"""Carrying out a run in its folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from netchip.cli.main import main
from netchip.cli.running import is_main, show_result
from netchip.errors import CheckpointError


def test_the_workloads_and_the_page_lie_beside_the_result(the_run: Callable[..., Path]) -> None:
    assert main(["run", "toy", "quick"]) == 0
    names = {path.name for path in the_run().iterdir()}
    assert {"workload_dense.json", "workload_efficient.json", "report.html", "result.json"} <= names


def test_a_page_that_cannot_be_written_does_not_fail_a_finished_run(
    the_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(runs: object, path: Path) -> None:
        raise CheckpointError(f"{path}: the disk is full")

    monkeypatch.setattr("netchip.report.page.write_report", full)
    assert main(["run", "toy", "quick"]) == 0
    captured = capsys.readouterr()
    assert "warning: " in captured.err
    assert "the disk is full" in captured.err
    assert "report:" not in captured.out
    assert (the_run() / "result.json").is_file()


def test_only_the_first_of_several_processes_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert is_main()
    monkeypatch.setenv("RANK", "1")
    show_result({"headline": "x"}, Path("nothing"), json=True)
    assert capsys.readouterr().out == ""
