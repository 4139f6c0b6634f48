"""What is told while mappings are searched."""

import itertools
import sys

import pytest

from netchip.cli import search_progress
from netchip.cli.search_progress import searching


def test_in_a_pipe_one_line_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with searching("eyeriss") as told:
        told("conv1", 1, 2)
        told("conv2", 2, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("eyeriss: 2 kinds of layers mapped in ")
    assert captured.err.count("\n") == 1


def test_a_long_search_says_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=6)
    monkeypatch.setattr(search_progress.time, "monotonic", lambda: float(next(clock)))
    with searching("eyeriss") as told:
        told("conv1", 1, 9)
        told("conv2", 2, 9)
    assert "eyeriss: 2 of 9 kinds of layers mapped, the last conv2\n" in capsys.readouterr().err


def test_on_a_terminal_a_bar_that_goes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with searching("eyeriss") as told:
        told("[bold]conv1", 1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "kinds of layers mapped" not in captured.err
    assert "[bold]conv1" in captured.err
