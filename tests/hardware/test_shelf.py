"""Files by name: what is there, one of one's own, and what is said of a name that is neither."""

from pathlib import Path

import pytest

from netchip.errors import ConfigError
from netchip.hardware.shelf import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    for name in ("small", "large"):
        (tmp_path / f"{name}.yaml").write_text(f"size: {name}\n")
    (tmp_path / "notes.txt").write_text("no YAML")
    return Shelf(tmp_path, "{name} is no box{hint}; there are {known}")


def test_names_and_files_of_ones_own(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.names == ("large", "small")
    assert shelf.read("small") == {"size": "small"}
    own = tmp_path / "own" / "box.yml"
    own.parent.mkdir()
    own.write_text("size: own\n")
    assert shelf.read(own) == {"size": "own"}


def test_what_is_neither(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^'smal' is no box.*did you mean 'small'.*; there are large, small$"):
        shelf.read("smal")
    with pytest.raises(ConfigError, match="not readable as text"):
        shelf.read(tmp_path)
