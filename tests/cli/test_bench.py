"""`netchip bench`."""

import json
import sys
from pathlib import Path

import pytest
import torch

from netchip.cli.gated_latency import gated_latency_ms
from netchip.cli.main import main
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.methods.fractional_skipping.saved import save_fractional
from netchip.models.build import build
from netchip.models.spec import ModelSpec


def test_measures_at_every_batch_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["bench", "resnet8", "--input", "1,1,8,8", "--batch", "1,4", "--repeats", "3", "--warmup", "1", "--json"])
        == 0
    )
    measured = json.loads(capsys.readouterr().out)
    assert [(each["batch"], each["repeats"], each["threads"]) for each in measured["latency"]] == [(1, 3, 1), (4, 3, 1)]
    assert all(0 < each["p10_s"] <= each["median_s"] <= each["p90_s"] for each in measured["latency"])
    assert measured["device"]["device"] == "cpu"


def test_the_table_says_on_what_and_how_it_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "resnet8", "--input", "1,1,8,8", "--batch", "2", "--repeats", "3"]) == 0
    out = capsys.readouterr().out
    assert "1 thread, torch" in out
    assert "float32: 3 timed rounds after 5 untimed" in out
    assert out.splitlines()[-1].split()[:2] == ["resnet8", "2"]


@pytest.mark.parametrize(("words", "message"), [("--batch x", "--batch 'x'"), ("--device nope", "device 'nope'")])
def test_refusals(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "resnet8", "--repeats", "1", *words.split()]) == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def gated_folder(tmp_path: Path) -> str:
    """A saved gated ResNet-8 for images of 8 x 8, skip or full."""
    source = {"name": "resnet8", "in_channels": 1, "image_size": 8}
    images = torch.randn(4, 1, 8, 8)
    network = make_fractional(build(ModelSpec.parse(source)), "skip, 8, full", example=images)
    return str(save_fractional(tmp_path, network, source=source))


def test_a_gated_network_beside_static_ones(gated_folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    assert main(["bench", gated_folder, "--batch", "1,4", "--repeats", "3", "--warmup", "1"]) == 0
    out, err = capsys.readouterr()
    assert "all in ONNX Runtime" in out
    assert "decisions on 256 images of noise" in out
    assert "The run's own images are not at hand" in err
    starts = [line.split("  ")[0] for line in out.splitlines()]
    assert [starts.count(name) for name in ("fp32 static", "int8 static", "skip only", "fractional")] == [2, 2, 2, 2]
    assert "Routing overhead of the fractional network" in out
    assert "Crossover with int8 static" in out
    assert out.splitlines()[-1].startswith("Verdict: ")


def test_the_two_times_of_a_summary_are_those_of_the_gated_and_the_plain_network(
    gated_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = gated_latency_ms(Path(gated_folder))
    assert found is not None
    assert 0 < min(found) <= max(found) < 1000
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert gated_latency_ms(Path(gated_folder)) is None


def test_a_gated_network_in_torch_as_json(gated_folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--batch", "2", "--repeats", "2", "--runtime", "torch", "--json"]
    assert main(["bench", gated_folder, *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runtime"] == "torch"
    assert [each["model"] for each in found["latency"]] == ["fp32 static", "skip only", "fractional"]
    assert found["overhead"][0]["batch"] == 2
    assert found["verdict"].startswith("Verdict: ")


def test_refusals_of_gated_networks(gated_folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "resnet8", "--runtime", "torch"]) == 2
    assert (
        "--runtime torch: only runs of fractional-skipping choose one; leave it out for resnet8"
        in capsys.readouterr().err
    )
    assert main(["bench", gated_folder, "--runtime", "tvm"]) == 2
    assert "runtime = 'tvm': all arms run in onnxruntime, or all in torch" in capsys.readouterr().err
    assert main(["bench", gated_folder, "--device", "meta"]) == 2
    assert "--device meta: a gated network is measured on the cpu" in capsys.readouterr().err
