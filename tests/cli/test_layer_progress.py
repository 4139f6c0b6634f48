"""What is told while layers are worked on."""

import itertools
import sys

import pytest

from netchip.cli import layer_progress
from netchip.cli.layer_progress import layer_by_layer
from netchip.errors import ConfigError


def test_in_a_pipe_one_line_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with layer_by_layer("packing", "layers packed") as told:
        told("conv1", 0, 2)
        told("conv2", 2, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("2 layers packed in ")
    assert captured.err.count("\n") == 1


def test_long_work_says_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=6)
    monkeypatch.setattr(layer_progress.time, "monotonic", lambda: float(next(clock)))
    with layer_by_layer("packing", "layers packed", of="a chip") as told:
        told("conv1", 0, 9)
        told("conv2", 1, 9)
    assert "a chip: 1 of 9 layers packed, at conv2\n" in capsys.readouterr().err


def test_what_fails_is_not_told_as_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError), layer_by_layer("packing", "layers packed"):
        raise ConfigError("conv1: NaN")
    assert capsys.readouterr().err == ""


def test_on_a_terminal_a_bar_that_goes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with layer_by_layer("packing", "layers packed") as told:
        told("[bold]conv1", 1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "[bold]conv1" in captured.err
