"""Benchmarks are no tests, but each must start, and every one that the docs name must be there."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if '__name__ == "__main__"' in path.read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_parses_and_says_how_it_is_called(script: Path) -> None:
    compiled = compile(script.read_text(), str(script), "exec")
    assert f"python benchmarks/{script.name}" in (compiled.co_consts[0] or "")


def test_the_docs_name_benchmarks_that_are_there() -> None:
    pages = "".join(page.read_text() for page in ROOT.glob("docs/*.md"))
    named = set(re.findall(r"benchmarks/(\w+\.py)", pages))
    assert named == {script.name for script in SCRIPTS}


@pytest.mark.parametrize("name", ["kill_run.py", "kill_resume.py", "loader.py"])
def test_help_answers(name: str, warm: Callable[..., CompletedProcess[str]]) -> None:
    done = warm((ROOT / "benchmarks" / name).read_text(), "--help")
    assert (done.returncode, done.stdout[:6]) == (0, "usage:"), done.stderr
