"""What a release says of itself: one version everywhere, the papers cited, typed, nothing missing from the package."""

import tomllib
from pathlib import Path

import yaml

import netchip
from netchip.methods import all_methods

ROOT = Path(__file__).resolve().parents[1]


def test_the_citation_names_this_version_and_every_paper() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == netchip.__version__
    papers = {reference["url"].rsplit("/", 1)[1]: reference["title"] for reference in cited["references"]}
    assert papers == {method.paper.arxiv: method.paper.title for method in all_methods()}


def test_the_changelog_has_this_version() -> None:
    assert f"## {netchip.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_file_beside_the_code_goes_into_the_package() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["netchip"]
    packaged = {path for pattern in patterns for path in (ROOT / "netchip").glob(pattern)}
    files = {path for path in (ROOT / "netchip").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert files == packaged
