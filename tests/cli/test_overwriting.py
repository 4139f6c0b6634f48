"""Outputs are refused before any work where they cannot be written."""

import os
from pathlib import Path

import pytest

from netchip.cli.overwriting import check_above, check_new, check_place
from netchip.errors import ConfigError


def test_folders_that_are_missing_are_made_later(tmp_path: Path) -> None:
    check_place(None)
    check_place(tmp_path / "deep" / "er" / "file")
    check_new(tmp_path / "file", force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_and_a_file_in_the_way_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is a folder; name a file"):
        check_place(tmp_path)
    with pytest.raises(
        ConfigError, match=r"file/page\.html: cannot be written, since .*/file is a file; name another place"
    ):
        check_above(tmp_path / "file" / "page.html")
    with pytest.raises(ConfigError, match="exists already; give another name, or --force"):
        check_new(tmp_path / "file", force=False)
    check_new(tmp_path / "file", force=True)


def test_a_folder_that_may_not_be_changed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == tmp_path and mode == os.W_OK))
    with pytest.raises(ConfigError, match=f"since the folder {tmp_path} may not be changed"):
        check_place(tmp_path / "new" / "page.html")
