"""A trial's process: what it is started with, what it said last."""

import json
import sys
from pathlib import Path

import pytest

from netchip.compose.sweep.process import last_words, launch
from netchip.compose.sweep.workers import Job
from netchip.errors import CheckpointError

CODE = (
    "import json, os, sys\n"
    "sys.stderr.write(json.dumps([os.getcwd(), os.environ['OMP_NUM_THREADS'], os.getsid(0) == os.getpid()]))"
)


def test_it_runs_in_its_folder_with_its_threads_in_a_session_of_its_own(tmp_path: Path) -> None:
    job = Job("a", (sys.executable, "-c", CODE), tmp_path, tmp_path / "logs" / "a.log")
    assert launch(job, 3).wait(timeout=60) == 0
    assert json.loads(job.log.read_text()) == [str(tmp_path), "3", True]


def test_without_a_place_for_its_log_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(CheckpointError, match=r"logs/a.log: could not be written"):
        launch(Job("a", ("true",), tmp_path, tmp_path / "logs" / "a.log"), 1)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("epoch 1\nnetchip: the loss is NaN\n", "the loss is NaN"),
        ("netchip: first\nepoch 1\nnetchip: second\nThis is a fault\n", "second"),
        ("netchip: warning: mind the gap\n", ""),
        ("epoch 1\n", ""),
    ],
)
def test_last_words(tmp_path: Path, log: str, words: str) -> None:
    (tmp_path / "log").write_text(log)
    assert last_words(tmp_path / "log") == words


def test_no_log_no_words(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none") == ""
