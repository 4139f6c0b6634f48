"""The documentation site builds without a warning: no broken link, no page outside the contents, no name without a docstring."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import netchip

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    if importlib.util.find_spec("sphinx") is None:
        pytest.skip("Sphinx is not installed: pip install 'netchip[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_public_name_is_in_the_reference_with_its_docstring(site: Path) -> None:
    page = (site / "reference.html").read_text()
    public = {name for name in dir(netchip) if not name.startswith("_")}
    assert public == set(re.findall(r'id="netchip\.(\w+)"', page))
    assert "Channels that must go together" in page


def test_formulas_and_code_are_drawn_as_such(site: Path) -> None:
    page = (site / "methods" / "early_bird.html").read_text()
    assert "<mfrac" in page
    assert "$" not in re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL)
    assert "highlight-default" in (site / "reference.html").read_text()
