"""Benchmarks are no tests, but each must start, and every one that the docs name must be there."""

import re
import subprocess
import sys
from pathlib import Path

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
def test_help_answers(name: str) -> None:
    done = subprocess.run([sys.executable, str(ROOT / "benchmarks" / name), "--help"], capture_output=True, check=False)
    assert done.returncode == 0
