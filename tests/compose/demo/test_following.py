"""Following logs: last lines, told once each."""

import time
from pathlib import Path

import pytest

from netchip.compose.demo.following import following, last_line


@pytest.mark.parametrize(
    ("text", "line"),
    [("", ""), ("half", ""), ("one\nhalf", "one"), ("one\n  two  \n\n", "two"), (f"{'x' * 9000}\nlast\n", "last")],
)
def test_the_last_whole_line(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(text)
    assert last_line(tmp_path / "log") == line


def test_a_file_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert last_line(tmp_path / "none") == ""


def test_a_line_is_told_once_until_it_changes(tmp_path: Path) -> None:
    told: list[str] = []
    log = tmp_path / "log"
    log.write_text("epoch 1\n")
    with following(lambda: {"a": log}, told.append, every_s=0.01):
        _until(lambda: len(told) == 1)
        time.sleep(0.05)
        log.write_text("epoch 2\n")
        _until(lambda: len(told) == 2)
    assert told == ["  a: epoch 1", "  a: epoch 2"]


def _until(true: object) -> None:
    for _ in range(1000):
        if true():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError("not within 10 s")
