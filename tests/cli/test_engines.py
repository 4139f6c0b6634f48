"""`netchip engines`: of a model, of a compressed file, and what is refused. Of a run: in the tests of the runs."""

import json
from pathlib import Path

import pytest

from netchip.cli.main import main
from netchip.hardware.engines.compare import ENGINES

MODEL = ("resnet8", "--input", "1,1,8,8")


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main([str(word) for word in ("engines", *words)]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len([line for line in err if line.startswith("netchip:")]) == 1
    return err[-1]


def test_a_model_on_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    words = (*MODEL, "--images", "digits", "--count", "5", "--row-sparsity", "0.5", "--lock-step", "64", "-o", page)
    assert main(["engines", *map(str, words)]) == 0
    shown = capsys.readouterr()
    assert "its weights are as the model was built" in shown.err
    for words in (
        "resnet8: SmartExchange:",
        "Bit-pragmatic",
        "estimate; constants: smart-exchange-28nm",
        "activations traced on 5 inputs",
        "weights of the other engines: their own, weights rounded to 8 bits",
    ):
        assert words in shown.out
    assert "SmartExchange: energy of each layer by level" in page.read_text()


def test_without_images_it_says_what_is_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", *MODEL, "--baseline-weights", "same_sparsified", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["engines"]) == list(ENGINES)
    assert "activations assumed: half of them zero" in found["sparsity"]
    assert found["baseline_weights"] == "the SmartExchange-sparsified network's, as 8-bit weights"
    assert found["rows"][0]["energy_gain_dram_x0.5"] > 1


def test_a_compressed_file_with_its_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "small.safetensors"
    assert main(["compress", *MODEL, "-o", str(file), "--row-sparsity", "0.5"]) == 0
    capsys.readouterr()
    assert "name its network with --model" in refused(capsys, file)
    assert "--bits is for models that are decomposed now" in refused(capsys, file, "--model", "resnet8", "--bits", "3")
    assert main(["engines", str(file), "--model", *MODEL, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sparsity"].startswith("weights of 10 layers from their factors")
    assert found["baseline_weights"] == "their own, dense 8-bit weights"
    layers = found["engines"]["smart_exchange"]["layers"]
    assert (
        layers[3]["dram_bytes"]["coefficients"]
        < 0.5 * found["engines"]["diannao"]["layers"][3]["dram_bytes"]["weights"]
    )


def test_what_cannot_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--baseline-weights 'mine' is not known; there are own, same_sparsified" in refused(
        capsys, *MODEL, "--baseline-weights", "mine"
    )
    assert "--count 0" in refused(capsys, *MODEL, "--count", "0")
    assert "--model is for compressed files" in refused(capsys, *MODEL, "--model", "resnet8")
    assert "digits come in sides of" in refused(capsys, "resnet8", "--input", "1,1,20,20", "--images", "digits")
    (tmp_path / "plain.safetensors").write_bytes(b"none")
    assert "plain.safetensors" in refused(capsys, tmp_path / "plain.safetensors", "--model", "resnet8")
