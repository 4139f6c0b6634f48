"""`netchip inspect`."""

import json
import re
from pathlib import Path

import pytest

from netchip.cli.main import main

OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.ReLU())
        self.head = nn.LSTM(4, 5, batch_first=True)
    def forward(self, x):
        return self.head(self.body(x).flatten(2).transpose(1, 2))[0]

class One(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.ReLU())

class Plain(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
"""


def inspected(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["inspect", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_layers_macs_groups_and_methods(capsys: pytest.CaptureFixture[str]) -> None:
    found = inspected(capsys, "resnet8", "--input", "1,3,16,16")
    # stem: 16 x 16 positions, 16 outputs, 3 inputs, 3 x 3 kernel
    assert found["layers"][0]["macs"] == 16 * 16 * 16 * 3 * 9
    assert sum(layer["macs"] for layer in found["layers"]) == found["summary"]["macs"]
    assert found["layers"][-1]["kind"] == "linear"
    assert found["uncounted"] == []
    treated = found["methods"]["early-bird"]
    assert set(treated["treats"]) <= {group["name"] for group in found["groups"]}
    assert treated["channels"] == sum(group["units"] for group in found["groups"] if group["name"] in treated["treats"])
    assert "model's output" in found["left_alone"][0]["reason"]


def test_the_table_names_kernels_strides_and_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "mobilenet_v2", "--input", "1,3,96,96"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^features\.0\.0 +conv 3x3 /2 +3x96x96 +32x48x48 +", out, re.MULTILINE)
    assert " conv 3x3 g32 " in out
    assert max(len(line) for line in out.split("Channels that")[0].splitlines()) <= 100


def test_what_is_not_counted_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.py").write_text(OWN)
    assert main(["inspect", f"{tmp_path}/own.py:Net", "--input", "1,3,8,8"]) == 0
    out = capsys.readouterr().out
    assert "Not counted (netchip does not know their MACs): head" in out


def test_a_method_that_can_treat_nothing_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.py").write_text(OWN)
    found = inspected(capsys, f"{tmp_path}/own.py:One", "--input", "1,3,8,8")
    assert found["methods"]["early-bird"]["treats"] == []
    assert "reach the model's output" in found["methods"]["early-bird"]["why_not"]


def test_what_has_no_scales_is_ranked_by_its_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.py").write_text(OWN)
    found = inspected(capsys, f"{tmp_path}/own.py:Plain", "--input", "1,3,8,8")
    assert found["methods"]["early-bird"]["treats"] == ["0"]
    assert "ranked by weights (group L2)" in found["methods"]["early-bird"]["why_not"]
