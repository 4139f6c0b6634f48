"""`netchip compress`, `netchip expand`, and `netchip inspect` of a compressed file."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from netchip.cli.main import main


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    draw = torch.Generator().manual_seed(0)
    state = {
        "conv.weight": torch.randn(32, 16, 3, 3, generator=draw),
        "conv.bias": torch.randn(32, generator=draw),
        "fc.weight": torch.randn(10, 300, generator=draw).half(),
        "tiny.weight": torch.randn(2, 2, generator=draw),
    }
    save_file(state, tmp_path / "net.safetensors", metadata={"format": "pt"})
    return tmp_path / "net.safetensors"


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main([str(word) for word in words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    return err


def test_there_and_back(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, dense = tmp_path / "small.safetensors", tmp_path / "dense.safetensors"
    assert main(["compress", str(weights), "-o", str(small)]) == 0
    shown = capsys.readouterr()
    assert "conv.weight  32x16x3x3" in shown.out
    assert "tiny.weight  packed it takes" in shown.out
    assert "x smaller than all in float32" in shown.out
    assert "2 layers packed in" in shown.err
    assert "2 layers compared with rounding in" in shown.err
    assert "\npaper " in shown.out
    assert "int4-g64 " in shown.out
    assert "SmartExchange without row sparsity is dominated by int4-g64 in error per bit." in shown.out
    assert main(["expand", str(small), "-o", str(dense)]) == 0
    before, after = load_file(weights), load_file(dense)
    assert {name: (each.shape, each.dtype) for name, each in before.items()} == {
        name: (each.shape, each.dtype) for name, each in after.items()
    }
    assert torch.equal(before["conv.bias"], after["conv.bias"])
    error = (before["conv.weight"] - after["conv.weight"]).norm() / before["conv.weight"].norm()
    assert 0.1 < float(error) < 0.25


def test_json_and_inspect_agree(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.safetensors"
    words = ["--bits", "5", "--row-sparsity", "0.5", "--coding", "zlib", "--skip", "fc", "--json"]
    assert main(["compress", str(weights), "-o", str(small), *words]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["settings"] == {"bits": 5, "row_sparsity": 0.5, "coding": "zlib"}
    assert made["kept"]["fc.weight"] == "left out by --skip 'fc'"
    file, paper, _ = made["accounting"]
    assert file["codes_bits"] < paper["codes_bits"] + 8  # --coding zlib made them smaller
    assert 8 * (made["packed_bytes"] + made["kept_bytes"]) == sum(
        bits for name, bits in file.items() if name.endswith("_bits")
    )
    own = next(point for point in made["rate_distortion"]["points"] if point["method"] == "SmartExchange, as given")
    assert own["relative_error"] == pytest.approx(made["layers"][0]["relative_error"])
    assert made["bytes"] == small.stat().st_size == made["packed_bytes"] + made["kept_bytes"] + made["header_bytes"]
    assert main(["inspect", str(small), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hashes"] == {"stored": "right", "rebuilt_weights": "right"}
    assert sum(found["bytes_by_component"].values()) == found["bytes"] == made["bytes"]
    assert found["layers"][0]["bytes"] == made["layers"][0]["bytes"]
    assert found["layers"][0]["bits"] == 5
    assert found["accounting"] == made["accounting"]
    assert main(["inspect", str(small)]) == 0
    out = capsys.readouterr().out
    assert (
        "1 packed weights and 3 tensors as they were; the hash of the file and those of all rebuilt weights are right"
        in out
    )
    assert "row bitmap" in out


def test_a_network_of_the_zoo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.safetensors"
    assert main(["compress", "resnet8", "-o", str(small), "--no-compare", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["rate_distortion"] is None
    assert "resnet8: its weights are as the model was built" in shown.err
    assert json.loads(shown.out)["bits_per_weight"] < 6
    assert main(["expand", str(small), "-o", str(tmp_path / "dense.safetensors"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["compressed_bytes"] == small.stat().st_size


def test_bad_input(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    (tmp_path / "text.safetensors").write_text("no")
    save_file({"bias": torch.ones(3)}, tmp_path / "biases.safetensors")
    save_file({"w": torch.full((64, 64), torch.nan)}, tmp_path / "nan.safetensors")
    for words, message in (
        (("compress", tmp_path / "text.safetensors", "-o", out), "text.safetensors: not a whole safetensors file"),
        (("compress", tmp_path / "gone.safetensors", "-o", out), "gone.safetensors: no such file"),
        (("compress", tmp_path / "biases.safetensors", "-o", out), "there is no tensor to pack"),
        (("compress", weights, "-o", weights), "exists already; give another name, or --force"),
        (("compress", weights, "-o", tmp_path), "is a folder"),
        (("compress", weights, "-o", out, "--coding", "lzma"), "--coding 'lzma' is not known; there are plain, zlib"),
        (("compress", weights, "-o", out, "--bits", "9"), "bits = 9"),
        (("compress", weights, "-o", out, "--classes", "3"), "--classes is for models"),
        (("compress", weights, "-o", out, "--row-sparsity", "1.5"), "row_sparsity = 1.5"),
        (("compress", "resnet21", "-o", out), "no network is called 'resnet21'"),
        (("expand", weights, "-o", out), "holds no packed weights"),
        (("expand", tmp_path / "gone", "-o", out), "gone: no such file"),
        (("inspect", weights), "holds no packed weights"),
        (("inspect", weights, "--classes", "3"), "--classes is for models"),
    ):
        assert message in refused(capsys, *words)
    assert "netchip: w: " in refused(capsys, "compress", tmp_path / "nan.safetensors", "-o", out)
    assert not out.exists()


def test_targets(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert 'write "8x" (smaller than fp32)' in refused(capsys, "compress", weights, "-o", out, "--target", "8z")
    assert main(["compress", str(weights), "-o", str(out), "--target", "500x"]) == 3
    assert "target 500x cannot be reached: the nearest is" in capsys.readouterr().err
    assert not out.exists()
    assert main(["compress", str(weights), "-o", str(out), "--target", "8kB", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["target"] == "8kB"
    assert out.stat().st_size <= 8000


def test_force_replaces(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.write_text("old")
    assert main(["compress", str(weights), "-o", str(out), "--force"]) == 0
    assert main(["expand", str(out), "-o", str(out), "--force"]) == 0
    assert "fc.weight" in load_file(out)


def test_real_weights(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SqueezeNet (ImageNet, float16) and the generator of SRGAN, as they lie beside the project."""
    for name, least in (("squeezenet1_0_imagenet", 5.0), ("srgan_x4_generator", 5.0)):
        out = tmp_path / name
        assert main(["compress", str(shared_data / "weights" / f"{name}.safetensors"), "-o", str(out), "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert made["float32_bytes"] / out.stat().st_size > least
        assert all(layer["relative_error"] < 0.2 for layer in made["layers"])
