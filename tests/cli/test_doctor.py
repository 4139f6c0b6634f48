"""`netchip doctor`."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from netchip.cli.main import main


def test_names_versions_devices_and_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cifar10").mkdir()
    monkeypatch.setenv("NETCHIP_DATA", str(tmp_path))
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["packages"]["pydantic"] == metadata.version("pydantic")
    assert found["torch"]["torch"].startswith(metadata.version("torch").split("+")[0])
    assert "device cpu" in found["torch"]
    assert found["places"]["NETCHIP_DATA"] == f"{tmp_path}: cifar10"


def test_a_missing_extra_comes_with_the_command_that_adds_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requirements = ["pydantic>=2", "nosuchpackage>=1", "notthere[all]>=1.2; extra == 'far'", 'rich>=1; extra == "near"']
    monkeypatch.setattr(metadata, "requires", lambda name: requirements)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "missing: notthere  pip install 'netchip[far]'" in out
    assert "near   installed" in out
    assert out.splitlines()[-1] == "Missing: pip install nosuchpackage"


def test_a_folder_that_is_not_there_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETCHIP_DATA", "/nowhere/at/all")
    assert main(["doctor"]) == 0
    assert "/nowhere/at/all: no such folder" in capsys.readouterr().out
