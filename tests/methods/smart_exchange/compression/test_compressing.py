"""What is packed and what stays, and that a compressed file is as large as its parts for every network of the zoo."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from netchip.errors import BudgetError, ConfigError
from netchip.methods.smart_exchange.compression.choice import choose
from netchip.methods.smart_exchange.compression.compressing import Settings, compress
from netchip.methods.smart_exchange.compression.model_weights import weights_of_model
from netchip.methods.smart_exchange.compression.weight_files import weights_of_file
from netchip.methods.smart_exchange.compression.weights import Weights
from netchip.methods.smart_exchange.decomposition.target import parse_target
from netchip.methods.smart_exchange.file.expanding import expand
from netchip.methods.smart_exchange.file.reading import read
from netchip.methods.smart_exchange.packing.packed import unpack
from netchip.methods.smart_exchange.packing.sizes import Counts, predicted_size
from netchip.models.build import build
from netchip.models.catalogue import model_names
from netchip.models.spec import ModelSpec

QUICK = Settings(iterations=2)


def saved(tmp_path: Path, **tensors: torch.Tensor) -> Weights:
    save_file({name.replace("_", "."): tensor for name, tensor in tensors.items()}, tmp_path / "net.safetensors")
    return weights_of_file(tmp_path / "net.safetensors")


def noise(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)


def test_what_stays_and_why(tmp_path: Path) -> None:
    weights = saved(
        tmp_path,
        conv_weight=noise(32, 16, 3, 3),
        conv_bias=noise(32),
        depthwise_weight=noise(64, 1, 3, 3),
        head_weight=noise(2, 3),
        table=torch.ones(40, 40, dtype=torch.int64),
        none_weight=torch.empty(0, 4),
        last_weight=noise(32, 16, 3, 3),
    )
    choice = choose(weights, skip=("last",))
    assert set(choice.packed) == {"conv.weight", "depthwise.weight"}
    assert choice.packed["depthwise.weight"].stacked == 64
    assert choice.kept["conv.bias"] == "has fewer than two dimensions"
    assert choice.kept["table"] == "is int64, not a floating-point type that is packed"
    assert choice.kept["none.weight"] == "is empty"
    assert choice.kept["last.weight"] == "left out by --skip 'last'"
    assert "no less than 48 at 8 bits a weight" in choice.kept["head.weight"]


def test_nothing_to_pack(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"net\.safetensors: there is no tensor to pack; none has two or more dimensions"
    ):
        choose(saved(tmp_path, bias=noise(3)))
    with pytest.raises(ConfigError, match=r"there is no tensor to pack; weight packed it takes .* no less than"):
        choose(saved(tmp_path, weight=noise(2, 2)))
    with pytest.raises(ConfigError, match=r"--skip 'head\*' fits no tensor; they are named weight"):
        choose(saved(tmp_path, weight=noise(2, 2)), skip=("head*",))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    weight = noise(64, 64)
    weight[3, 3] = value
    weights = saved(tmp_path, good_weight=noise(64, 64), bad_weight=weight)
    with pytest.raises(ConfigError, match=r"bad\.weight"):
        compress(weights, choose(weights), tmp_path / "out", QUICK)
    assert not (tmp_path / "out").exists()


def test_a_share_of_rows(tmp_path: Path) -> None:
    weights = saved(tmp_path, a_weight=noise(64, 64, 3, 3), b_weight=noise(64, 64))
    settings = Settings(row_sparsity=0.5, row_sparsity_of={"b.weight": 0.25}, iterations=2)
    done = compress(weights, choose(weights), tmp_path / "out", settings)
    zeros = {layer.name: layer.zero_rows for layer in done.layers}
    assert zeros["a.weight"] == pytest.approx(0.5, abs=0.02)
    assert zeros["b.weight"] == pytest.approx(0.25, abs=0.02)
    assert read(tmp_path / "out").note["row_sparsity_of"] == {"b.weight": 0.25}
    with pytest.raises(ConfigError, match=r"row_sparsity = 1\.0"):
        Settings(row_sparsity=1.0)


@pytest.mark.parametrize("target", ["14x", "6kB", "7%", "2 bits", "40% rows"])
@pytest.mark.parametrize("coding", ["plain", "zlib"])
def test_a_target_is_met_by_the_whole_file(tmp_path: Path, target: str, coding: str) -> None:
    weights = saved(
        tmp_path,
        a_weight=noise(64, 32, 3, 3),
        b_weight=noise(64, 64),
        bias=noise(300),
        n=torch.ones(3, dtype=torch.int64),
    )
    settings = Settings(target=parse_target(target), iterations=2, coding=coding)
    done = compress(weights, choose(weights), tmp_path / "out", settings)
    kept_rows = sum((1 - layer.zero_rows) * layer.weights for layer in done.layers) / (64 * 32 * 9 + 64 * 64)
    found = {
        "14x": done.float32_bytes / done.written.bytes / 14,
        "6kB": 6000 / done.written.bytes,
        "7%": 0.07 * done.float32_bytes / done.written.bytes,
        "2 bits": 2 / done.bits_per_weight,
        "40% rows": 0.4 / kept_rows,
    }[target]
    assert 1.0 <= found < (1.2 if coding == "plain" else 1.5)
    assert read(tmp_path / "out").note["target"] == target


def test_a_target_that_cannot_be_reached(tmp_path: Path) -> None:
    weights = saved(tmp_path, a_weight=noise(64, 32, 3, 3), bias=noise(5000))
    with pytest.raises(BudgetError, match=r"target 6x cannot be reached: the nearest is [\d.]+x"):
        compress(weights, choose(weights), tmp_path / "out", Settings(target=parse_target("6x"), iterations=2))
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="the target 6x decides which rows go; leave the row sparsity out"):
        Settings(target=parse_target("6x"), row_sparsity=0.5)


def test_progress_report_and_the_way_back(tmp_path: Path) -> None:
    save_file(
        {"b": noise(3, dtype=torch.float16), "w": noise(64, 64, dtype=torch.float16), "z": torch.zeros(64, 64)},
        tmp_path / "net.safetensors",
        metadata={"format": "pt", "more": "x"},
    )
    weights = weights_of_file(tmp_path / "net.safetensors")
    told: list[tuple[str, int, int]] = []
    done = compress(weights, choose(weights), tmp_path / "small", QUICK, lambda *each: told.append(each))
    assert told == [("w", 0, 2), ("z", 1, 2), ("z", 2, 2)]
    assert (done.given_bytes, done.float32_bytes, done.int8_bytes) == (weights.bytes, 12 + 4 * 8192, 6 + 8192)
    of_w, of_z = done.layers
    assert (of_z.relative_error, of_z.zero_rows, of_z.zero_elements) == (0.0, 1.0, 1.0)
    assert 0.1 < of_w.relative_error < 0.25
    expand(tmp_path / "small", tmp_path / "dense.safetensors")
    dense = load_file(tmp_path / "dense.safetensors")
    factored = unpack(read(tmp_path / "small").packed["w"])
    assert torch.equal(dense["w"], factored.weight())
    assert dense["w"].dtype == torch.float16
    assert torch.equal(dense["b"], noise(3, dtype=torch.float16))
    again = weights_of_file(tmp_path / "dense.safetensors")
    assert again.metadata == {"format": "pt", "more": "x"}
    error = float((dense["w"].double() - noise(64, 64, dtype=torch.float16).double()).norm())
    assert of_w.relative_error == pytest.approx(error / float(noise(64, 64, dtype=torch.float16).double().norm()))


@pytest.mark.parametrize("name", model_names())
def test_a_file_has_the_predicted_bytes_and_its_header(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build(ModelSpec(name=name, width=0.25))
    weights = weights_of_model(name, model, tmp_path)
    choice = choose(weights)
    done = compress(weights, choice, tmp_path / "small", Settings(iterations=1, row_sparsity=0.3))
    file = read(done.written.path)
    predicted = sum(predicted_size(Counts.of(unpack(packed))).bytes for packed in file.packed.values())
    dense = sum(weights.tensors[each].bytes for each in choice.kept)
    assert done.written.path.stat().st_size == predicted + dense + done.written.header_bytes
    assert done.packed_bytes == predicted
    assert set(file.state_dict()) == set(model.state_dict())
