"""`netchip export`."""

import json
from pathlib import Path

import pytest
import torch

from netchip.cli.main import main
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.methods.fractional_skipping.saved import save_fractional
from netchip.models.build import build
from netchip.models.spec import ModelSpec


def test_files_and_their_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    source = {"name": "resnet8", "in_channels": 1, "image_size": 8}
    network = make_fractional(build(ModelSpec.parse(source)), "skip, full", example=torch.randn(4, 1, 8, 8))
    save_fractional(tmp_path / "run", network, source=source)
    words = ["export", str(tmp_path / "run"), "-o", str(tmp_path / "made"), "--images", "4"]
    assert main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [each["file"] for each in found["files"]] == ["pieces", "branching.onnx", "modal.onnx", "static.pt2"]
    for each in found["files"]:
        assert (tmp_path / "made" / each["file"]).exists()
        assert each["difference"] <= 1e-4 * max(each["largest"], 1)
    assert "comparing on 4 images (decisions on 256 images of noise)" in err


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "resnet8", "-o", str(tmp_path)]) == 2
    assert "resnet8 holds no gated network; name a run folder of fractional-skipping" in capsys.readouterr().err
    assert main(["export", "resnet8", "-o", str(tmp_path), "--images", "1"]) == 2
    assert "--images 1: give at least 2" in capsys.readouterr().err
