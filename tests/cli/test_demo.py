"""`netchip demo`, with a method that takes no time in the place of the real ones."""

from pathlib import Path

import pytest

from netchip.cli.main import main
from netchip.compose.demo.parts import Part
from netchip.compose.sweep.workers import Ended, Job
from netchip.methods.method import Method


class InProcess:
    """Jobs by the command line's own entry, in this process."""

    slots = 1

    def __init__(self, _slots: int | None = None) -> None:
        self._ended: list[Ended] = []

    def start(self, job: Job) -> None:
        self._ended.append(Ended(job.name, main([*job.command[job.command.index("run") :], "--json"])))

    def wait(self) -> Ended:
        return self._ended.pop()

    def stop(self) -> None:
        """Nothing is left running."""


def test_ends_with_what_was_gained_and_the_page(
    toy: Method, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    part = Part("toy", "little is done", toy.name, toy.experiment("quick"))
    monkeypatch.setattr("netchip.compose.demo.parts.demo_parts", lambda: (part,))
    monkeypatch.setattr("netchip.compose.sweep.local.LocalWorkers", InProcess)
    assert main(["demo"]) == 0
    captured = capsys.readouterr()
    row = next(line for line in captured.out.splitlines() if line.startswith("toy: ticket, dense"))
    assert "89.00 % (-1.00 pt)" in row
    assert "400 (×0.40)" in row
    assert captured.out.splitlines()[-1] == "report: runs/demo/report.html"
    assert Path("runs/demo/report.html").is_file()
    assert "toy: little is done" in captured.err
    assert "toy: done in" in captured.err
    assert main(["demo", "--quiet"]) == 0
    assert "progress" not in capsys.readouterr().err


def test_fresh_removes_the_folder_first(
    toy: Method, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    part = Part("toy", "little is done", toy.name, toy.experiment("quick"))
    monkeypatch.setattr("netchip.compose.demo.parts.demo_parts", lambda: (part,))
    monkeypatch.setattr("netchip.compose.sweep.local.LocalWorkers", InProcess)
    for flags, line in ((["--quiet"], 0), ([], 1), (["--fresh"], 0)):
        assert main(["demo", *flags]) == 0
        assert capsys.readouterr().err.count("finished already") == line
