"""README and docs are true: python blocks run in order, console blocks run (or are checked, where they set up or take long)."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("netchip/**/*.md")])
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BIN = Path(sys.executable).parent


def blocks(page: Path, language: str) -> Iterator[tuple[str, str]]:
    """(words after the language, body) of each block of that language."""
    for match in FENCE.finditer(page.read_text()):
        if match[1] == language:
            yield match[2].strip(), match[3]


def commands(body: str) -> list[str]:
    return [line[2:].split("  #")[0].strip() for line in body.splitlines() if line.startswith("$ ")]


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if any(True for _ in blocks(page, language))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages_with("python"), ids=name_of)
def test_python_blocks_run_in_order(page: Path, tmp_path: Path) -> None:
    script = "\n".join(body for _, body in blocks(page, "python"))
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", pages_with("console"), ids=name_of)
def test_console_blocks_run(page: Path, tmp_path: Path) -> None:
    for words, body in blocks(page, "console"):
        for command in commands(body):
            _check(command, tmp_path, long="long" in words)


def _check(command: str, folder: Path, *, long: bool) -> None:
    first, *rest = shlex.split(command)
    if first == "make":
        _succeeds(["make", "--dry-run", *rest], ROOT)
    elif first == "netchip" and not long:
        _succeeds([str(BIN / "netchip"), *rest], folder)
    elif first == "netchip":
        _succeeds([str(BIN / "netchip"), rest[0], "--help"], folder)
    elif first == "python":
        assert (ROOT / rest[0]).is_file(), f"{command!r}: no such script"
    else:
        assert first in {"source"}, f"{command!r}: say how this command is checked"


def _succeeds(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"


def test_every_page_is_seen() -> None:
    assert {"README.md", "docs/architecture.md", "docs/results.md"} <= {name_of(page) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent != ROOT and "docs" not in page.parts], ids=name_of
)
def test_room_readmes_are_short(page: Path) -> None:
    limit = 60 if "methods" in page.parts else 25
    assert len(page.read_text().splitlines()) <= limit
