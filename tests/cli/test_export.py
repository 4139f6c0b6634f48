"""`netchip export`."""

import json
from pathlib import Path

import pytest
import torch

from netchip.cli.main import main
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.methods.fractional_skipping.saved import save_fractional
from netchip.models.build import build
from netchip.models.spec import ModelSpec
from tests.methods.dna.platform.finished import finished


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


@pytest.mark.parametrize("kind", ["onnx", "torch-export", "safetensors", "zigzag", "scale-sim"])
def test_a_network_as_a_file_of_each_kind(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    path = tmp_path / "made" / "net"
    assert main(["export", "resnet8", "--input", "1,1,8,8", "--to", kind, "-o", str(path), "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["files"]
    assert found["file"] == str(path)
    assert path.stat().st_size > 0
    assert found.get("difference", 0.0) <= 1e-5
    assert found.get("holds", "10 layers").startswith("10 layers")


def test_a_network_and_a_chip_for_zigzag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "resnet8", "--input", "1,3,8,8", "--to", "zigzag", "-o", str(tmp_path / "z")]
    assert main([*words, "--chip", "nvdla-like"]) == 0
    assert {each.name for each in (tmp_path / "z").iterdir()} == {"network.yaml", "chip.yaml", "mapping.yaml"}
    assert "chip.yaml: nvdla-like, " in capsys.readouterr().out
    assert main([*words, "--chip", "eyeriss"]) == 2
    assert "eyeriss: ZigZag's accelerator file has no word for calibration" in capsys.readouterr().err


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "resnet8", "-o", str(tmp_path / "x")]
    for more, message in (
        (
            [],
            "resnet8 holds no gated network; name a run folder of fractional-skipping, or give --to (onnx, torch-export",
        ),
        (["--images", "1"], "--images 1: give at least 2"),
        (["--to", "onnxx"], "--to onnxx is no file that netchip writes (did you mean 'onnx'?)"),
        (["--to", "onnx", "--images", "8"], "--images is for gated networks, which are exported without --to"),
        (["--to", "onnx", "--few-bits", "int8"], "--few-bits is for gated networks"),
        (["--to", "onnx", "--chip", "eyeriss"], "--chip is for --to zigzag; a file of onnx holds no chip"),
    ):
        assert main([*words, *more]) == 2
        assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_gated_network_is_no_single_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = {"name": "resnet8", "in_channels": 1, "image_size": 8}
    network = make_fractional(build(ModelSpec.parse(source)), "skip, full", example=torch.randn(4, 1, 8, 8))
    save_fractional(tmp_path / "run", network, source=source)
    words = ["export", str(tmp_path / "run"), "-o", str(tmp_path / "net")]
    assert main([*words, "--to", "torch-export"]) == 2
    assert "holds a gated network, which becomes a folder of files; leave --to out" in capsys.readouterr().err
    assert main([*words, "--to", "safetensors"]) == 0
    assert "every byte is the network's" in capsys.readouterr().out


def test_a_searched_pair_as_the_files_of_both_tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished(tmp_path, PlatformSpec(kind="hierarchy", calls=50))
    for tool, files in (("timeloop", 20), ("zigzag", 3)):
        assert main(["export", str(run), "--to", tool, "-o", str(tmp_path / tool), "--json"]) == 0
        [found] = json.loads(capsys.readouterr().out)["files"]
        assert len(found["files"]) == len(list((tmp_path / tool).iterdir())) == files
        assert found["steps"][0]["what"] == "as searched"
    assert main(["export", str(run), "--to", "timeloop", "-o", str(tmp_path / "again")]) == 0
    said = capsys.readouterr().out
    assert "read again by netchip, they say the same\n  as searched: " in said
    assert "counted as Timeloop v4 counts: energy " in said


def test_what_is_no_mapped_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished(tmp_path, PlatformSpec(board="zc706"))
    for tool in ("timeloop", "zigzag"):
        assert main(["export", str(run), "--to", tool, "-o", str(tmp_path / "x")]) == 2
        assert "its accelerator is a pipeline of 4 engines on zc706" in capsys.readouterr().err
    layers = run / "workload_efficient.json"
    assert main(["export", str(layers), "--to", "zigzag", "-o", str(tmp_path / "layers.yaml")]) == 0
    assert main(["export", "resnet8", "--to", "timeloop", "-o", str(tmp_path / "x")]) == 2
    assert "resnet8 holds no accelerator with a mapping for each layer; name a run of dna" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
