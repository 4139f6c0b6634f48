"""`netchip doctor`."""

import json
from importlib import metadata
from pathlib import Path

import pytest
import torch

from netchip.cli.main import main
from netchip.measure import energy


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


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_that_energy_cannot_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["torch"]["energy"] == "cpu: no energy counter"
    assert main(["doctor"]) == 0
    assert "cpu: no energy counter" in capsys.readouterr().out


def test_two_simulated_gpus_say_whether_their_energy_can_be_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = {"cuda:0": "", "cuda:1": "nvidia-ml-py is not installed; pip install 'netchip[energy]'"}
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Simulated {index}")
    monkeypatch.setattr(energy, "energy_unavailable", reasons.__getitem__)
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["torch"]
    assert found["device cuda:1"] == "Simulated 1"
    assert found["energy"] == f"cuda:0: can be measured; cuda:1: {reasons['cuda:1']}"
    assert main(["doctor"]) == 0
    assert "'netchip[energy]'" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETCHIP_DATA", "/nowhere/at/all")
    assert main(["doctor"]) == 0
    assert "/nowhere/at/all: no such folder" in capsys.readouterr().out
