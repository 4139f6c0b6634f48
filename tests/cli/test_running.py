"""Carrying out a run in its folder."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from netchip.cli.main import main
from netchip.cli.running import show_result
from netchip.errors import CheckpointError
from netchip.files import read_json
from netchip.report.page import build_report
from netchip.train.rundir import is_main


def test_the_page_lies_beside_the_result_and_is_that_of_the_run(the_run: Callable[..., Path]) -> None:
    assert main(["run", "toy", "quick"]) == 0
    assert (the_run() / "report.html").read_text() == build_report([the_run()])


def test_an_interrupted_run_says_how_to_go_on(the_run: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "toy", "quick", "--fail", "ctrl-c"]) == 130
    assert f"netchip: interrupted; `netchip resume {the_run()}` goes on" in capsys.readouterr().err


def test_a_polite_kill_is_answered_like_ctrl_c(
    the_run: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert main(["run", "toy", "quick", "--fail", "killed"]) == 130
    assert f"netchip resume {the_run()}" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


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


def test_what_is_simulated_is_said(
    the_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "toy", "quick"]) == 0
    assert "simulated:" not in capsys.readouterr().out
    result = read_json(the_run() / "result.json") | {"simulated": ["arithmetic of ticket: emulated"]}
    show_result(result, the_run(), json=False)
    assert "simulated: arithmetic of ticket: emulated" in capsys.readouterr().out
