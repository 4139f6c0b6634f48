"""Tables for a pipe and for a terminal."""

import re
import sys

import pytest

from netchip.cli.output import show_json, show_table

ROWS = [("conv1", "432"), ("a layer with a long name", "7")]


def test_in_a_pipe_columns_are_aligned_and_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("Layers", ("name", ">MACs"), [*ROWS, ("x" * 200, "1")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["", "Layers"]
    assert lines[3].endswith("   432")
    assert len({len(line) for line in lines[2:]}) == 1
    assert "x" * 200 in lines[5]


def test_a_heading_of_several_lines_ends_above_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("Layers", ("name", ">units\nat work"), [("conv1", "91%")])
    assert capsys.readouterr().out.splitlines()[2:] == ["         units", "name   at work", "conv1      91%"]


@pytest.mark.parametrize("columns", ["40", "80"])
def test_on_a_terminal_the_table_fits_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    show_table("Layers", ("name", "why"), [("conv1", "its channels are read as heads " * 4), ("[bold]x", "[/]")])
    out = capsys.readouterr().out
    assert "\x1b[3" not in out  # no colour; bold headings stay
    assert max(len(re.sub(r"\x1b\[\d*m", "", line)) for line in out.splitlines()) <= int(columns)
    assert "[bold]x" in out


def test_json_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        show_json({"a": float("nan")})
