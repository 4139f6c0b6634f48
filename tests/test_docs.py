"""README and docs are true: python blocks run in order, console blocks run (or are checked, where they set up or take long)."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("netchip/**/*.md")])
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BIN = Path(sys.executable).parent
NETCHIP = "import sys; from netchip.cli.main import main; sys.exit(main())"
Warm = Callable[..., "subprocess.CompletedProcess[str]"]


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


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of all pages: one that a page made is there, finished, when the next page names it."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def reader(tmp_path: Path, runs: Path) -> Path:
    """Where a reader of one page works."""
    (tmp_path / "runs").symlink_to(runs, target_is_directory=True)
    return tmp_path


@pytest.mark.parametrize("page", pages_with("console"), ids=name_of)
def test_console_blocks_run(page: Path, warm: Warm, reader: Path) -> None:
    for words, body in blocks(page, "console"):
        for command in commands(body):
            _check(command, warm, reader, long="long" in words)


def _check(command: str, warm: Warm, folder: Path, *, long: bool) -> None:
    first, *rest = shlex.split(command)
    if first == "make":
        done = subprocess.run(["make", "--dry-run", *rest], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    elif first == "netchip":
        words = [rest[0], "--help"] if long else rest
        done = warm(NETCHIP, *words, folder=folder, environment={"COLUMNS": "120"})
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    elif first == "python":
        assert (ROOT / rest[0]).is_file(), f"{command!r}: no such script"
    else:
        assert first in {"source"}, f"{command!r}: say how this command is checked"


@pytest.mark.parametrize("page", pages_with("python"), ids=name_of)
def test_python_blocks_run_in_order(page: Path, warm: Warm, reader: Path) -> None:
    done = warm("\n".join(body for _, body in blocks(page, "python")), folder=reader)
    assert done.returncode == 0, done.stderr


def test_the_installed_command_is_there() -> None:
    """The one process here that starts as a user's does."""
    done = subprocess.run([str(BIN / "netchip"), "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout[:10]) == (0, "netchip 0.")


def test_a_command_that_fails_is_seen(warm: Warm) -> None:
    done = warm(NETCHIP, "run", "no-such-method")
    assert done.returncode == 2
    assert done.stderr.startswith("netchip: no method is called 'no-such-method'")
    assert warm("raise ValueError(3)").returncode == 1


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
