"""Weights and networks that are awkward or wrong, from Python and through `netchip compress`: a right answer, or one message."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from netchip.cli.main import main
from netchip.errors import BudgetError, ConfigError
from netchip.methods.smart_exchange.decomposition.choosing import tiling_for
from netchip.methods.smart_exchange.decomposition.decompose import decompose
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def through_the_command(weight: Tensor, folder: Path, *words: str) -> Tensor:
    """`weight` compressed and expanded again; what was compared is as numbers JSON knows."""
    save_file({"w": weight}, folder / "net.safetensors")
    small, dense = str(folder / "small"), str(folder / "dense")
    assert main(["compress", str(folder / "net.safetensors"), "-o", small, *words]) == 0
    assert main(["inspect", small]) == 0
    assert main(["expand", small, "-o", dense]) == 0
    return load_file(dense)["w"]


def refused(capsys: pytest.CaptureFixture[str], code: int, *words: str | Path) -> str:
    assert main([str(word) for word in words]) == code
    return capsys.readouterr().err.removeprefix("netchip: ").strip()


@pytest.mark.parametrize(
    ("weight", "most_error"),
    [
        (torch.zeros(64, 64), 0.0),
        (torch.full((64, 64), 0.3), 1e-3),
        (noise(64, 1, 3, 3), 0.2),
        (noise(13, 17, 5, 5), 0.2),
        (noise(31, 37), 0.2),
        ((noise(64, 64) * 1e4).half(), 0.2),
        (torch.full((64, 64), 65504.0).half(), 1e-3),
        (noise(32, 32, 7, 7), 0.2),
    ],
    ids=["zero", "constant", "one-channel", "prime-5x5", "prime", "fp16-large", "fp16-largest", "7x7"],
)
def test_awkward_weights_go_through(
    weight: Tensor, most_error: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    factored = decompose(weight, tiling_for(weight.shape), iterations=10)
    back = through_the_command(weight, tmp_path)
    assert "nan" not in capsys.readouterr().out
    for rebuilt in (factored.weight(), back):
        assert rebuilt.dtype == weight.dtype
        assert rebuilt.isfinite().all()
        error = float((rebuilt.double() - weight.double()).norm())
        assert error <= most_error * float(weight.double().norm())


def test_zeros_are_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ratios by nothing stored, and signal to noise without noise, are no numbers of JSON."""
    save_file({"w": torch.zeros(64, 64)}, tmp_path / "net.safetensors")
    assert main(["compress", str(tmp_path / "net.safetensors"), "-o", str(tmp_path / "small"), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert "against_fp32" not in made["accounting"][1]
    assert made["layers"][0]["zero_rows"] == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity(value: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Sequential(nn.Linear(64, 64))
    model[0].weight.data[3, 3] = value
    with pytest.raises(ConfigError, match=r"^w: 1 of 4096 values are NaN or infinite; repair them first$"):
        decompose(model[0].weight, tiling_for((64, 64)), name="w")
    with pytest.raises(ConfigError, match=r"^0\.weight: 1 of 4096 values are NaN or infinite; repair them first$"):
        SmartExchange(model)
    save_file(model.state_dict(), tmp_path / "net.safetensors")
    error = refused(capsys, 2, "compress", tmp_path / "net.safetensors", "-o", tmp_path / "small")
    assert error == "0.weight: 1 of 4096 values are NaN or infinite; repair them first"
    assert not (tmp_path / "small").exists()


def test_one_channel_in_and_out_gains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reason = "packed it takes 111 bits, no less than 72 at 8 bits a weight"
    with pytest.raises(
        ConfigError, match=rf"no weight of this network that SmartExchange can treat: 0.weight: {reason}"
    ):
        SmartExchange(nn.Sequential(nn.Conv2d(1, 1, 3)))
    save_file({"w": noise(1, 1, 3, 3)}, tmp_path / "net.safetensors")
    error = refused(capsys, 2, "compress", tmp_path / "net.safetensors", "-o", tmp_path / "small")
    assert error.endswith(f"net.safetensors: there is no tensor to pack; w {reason}")


def test_a_target_that_cannot_be_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BudgetError, match=r"target 900x cannot be reached: the nearest is \d+\.\d+x.*; ask for that"):
        SmartExchange(nn.Sequential(nn.Linear(192, 96)), target="900x").project()
    save_file({"w": noise(96, 192)}, tmp_path / "net.safetensors")
    error = refused(
        capsys, 3, "compress", tmp_path / "net.safetensors", "-o", tmp_path / "small", "--target", "0.1 bits"
    )
    assert error.startswith("target 0.1 bits cannot be reached: the nearest is ")


NETS = """
from torch import nn

def padded():
    return nn.Sequential(nn.Conv2d(3, 32, 7, padding=3), nn.Flatten(), nn.Linear(512, 10))

def without_padding():
    return nn.Sequential(nn.Conv2d(3, 32, 7), nn.Flatten(), nn.Linear(512, 10))

def tied():
    first, last = nn.Linear(48, 48), nn.Linear(48, 48)
    last.weight = first.weight
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), last)
"""


@pytest.fixture
def nets(tmp_path: Path) -> str:
    (tmp_path / "nets.py").write_text(NETS)
    return f"{tmp_path / 'nets.py'}:"


def test_a_kernel_larger_than_the_map(nets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, size = tmp_path / "small", ("--input", "1,3,4,4")
    assert main(["compress", f"{nets}padded", *size, "-o", str(small), "--no-compare"]) == 0
    assert main(["engines", str(small), "--model", f"{nets}padded", *size, "--json"]) == 0
    capsys.readouterr()
    error = refused(capsys, 2, "engines", f"{nets}without_padding", *size).splitlines()[-1]
    assert "Kernel size can't be greater than actual input size" in error


def test_shared_parameters_are_stored_once(nets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, size = tmp_path / "small", ("--input", "1,3,4,4")
    assert main(["compress", f"{nets}tied", *size, "-o", str(small), "--no-compare"]) == 0
    assert "3.weight           is 1.weight, which is stored once" in capsys.readouterr().out
    first, last = nn.Linear(48, 48), nn.Linear(48, 48)
    last.weight = first.weight
    exchange = SmartExchange(nn.Sequential(first, last))
    exchange.project()
    assert list(exchange.packed()) == ["0.weight"]
    assert last.weight is first.weight
