"""Files of weights: what is read, and one message for each that cannot be."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from netchip.errors import DataError
from netchip.methods.smart_exchange.compression.choice import choose
from netchip.methods.smart_exchange.compression.compressing import Settings, compress
from netchip.methods.smart_exchange.compression.model_weights import weights_of_model
from netchip.methods.smart_exchange.compression.weight_files import is_weight_file, weights_of_file
from netchip.methods.smart_exchange.file.expanding import expand
from netchip.methods.smart_exchange.file.reading import read
from netchip.methods.smart_exchange.file.writing import write
from netchip.train.saving import load_state

STATE = {"a.weight": torch.ones(4, 3, dtype=torch.float16), "a.bias": torch.zeros(4), "steps": torch.tensor(3)}


def test_safetensors(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "net.safetensors", metadata={"format": "pt"})
    weights = weights_of_file(tmp_path / "net.safetensors")
    assert {name: (each.shape, each.dtype) for name, each in weights.tensors.items()} == {
        name: (tuple(tensor.shape), tensor.dtype) for name, tensor in STATE.items()
    }
    assert torch.equal(weights.load("a.weight"), STATE["a.weight"])
    assert weights.metadata == {"format": "pt"}
    assert weights.bytes == (tmp_path / "net.safetensors").stat().st_size
    assert weights.float32_bytes == 4 * 12 + 4 * 4 + 8  # whole numbers as they are


def test_shards(tmp_path: Path) -> None:
    save_file({"a.weight": STATE["a.weight"]}, tmp_path / "1.safetensors", metadata={"format": "pt"})
    save_file({"a.bias": STATE["a.bias"]}, tmp_path / "2.safetensors")
    index = tmp_path / "net.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a.bias": "2.safetensors", "a.weight": "1.safetensors"}}))
    weights = weights_of_file(index)
    assert list(weights.tensors) == ["a.bias", "a.weight"]
    assert torch.equal(weights.load("a.weight"), STATE["a.weight"])
    assert weights.metadata == {"format": "pt"}


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({}, "no index of shards"),
        ({"weight_map": {"a": 3}}, "no index of shards"),
        ({"weight_map": {"a": "../1.safetensors"}}, "does not lie beside it"),
        ({"weight_map": {"a": "1.safetensors"}}, "1.safetensors does not hold 'a', as the index says"),
        ({"weight_map": {"a": "3.safetensors"}}, "3.safetensors: not a whole safetensors file"),
    ],
)
def test_shards_that_do_not_fit(tmp_path: Path, index: dict, message: str) -> None:
    save_file({"b": torch.ones(2)}, tmp_path / "1.safetensors")
    (tmp_path / "net.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match=message):
        weights_of_file(tmp_path / "net.safetensors.index.json")


@pytest.mark.parametrize("content", [STATE, {"epoch": 3, "state_dict": STATE}, {"model": STATE}])
def test_checkpoints(tmp_path: Path, content: dict) -> None:
    torch.save(content, tmp_path / "net.pt")
    weights = weights_of_file(tmp_path / "net.pt")
    assert set(weights.tensors) == set(STATE)
    assert torch.equal(weights.load("a.weight"), STATE["a.weight"])


def test_a_tied_weight_of_a_checkpoint_is_there_once_and_comes_back_under_both_names(tmp_path: Path) -> None:
    words = torch.randn(64, 48, generator=torch.Generator().manual_seed(0))
    torch.save({"out.weight": words, "words.weight": words, "alike.weight": words.clone()}, tmp_path / "net.pt")
    weights = weights_of_file(tmp_path / "net.pt")
    assert list(weights.tensors) == ["out.weight", "alike.weight"]
    done = compress(weights, choose(weights), tmp_path / "small.safetensors", Settings(iterations=1))
    assert done.tied == {"words.weight": "out.weight"}
    expand(tmp_path / "small.safetensors", tmp_path / "dense.safetensors")
    state = load_state(tmp_path / "dense.safetensors")
    assert torch.equal(state["words.weight"], state["out.weight"])
    assert read(tmp_path / "small.safetensors").state_dict().keys() == state.keys()


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of the file ran')",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"w": Evil()}, "no checkpoint of tensors only"),
        ({"epoch": 3}, "holds no state_dict"),
        (torch.ones(3), "holds no state_dict"),
    ],
)
def test_checkpoints_with_something_else(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(DataError, match=rf"net\.pt: {message}"):
        weights_of_file(tmp_path / "net.pt")


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, content in (("net.safetensors", b"no"), ("net.pth", b"no"), ("net.txt", b"no"), ("net.bin", b"")):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"net\.safetensors: not a whole safetensors file"):
        weights_of_file(tmp_path / "net.safetensors")
    with pytest.raises(DataError, match=r"net\.pth: no checkpoint of tensors only"):
        weights_of_file(tmp_path / "net.pth")
    with pytest.raises(DataError, match=r"net\.bin: no checkpoint of tensors only"):
        weights_of_file(tmp_path / "net.bin")
    with pytest.raises(DataError, match=r"net\.txt: not a file of weights; those end in \.safetensors"):
        weights_of_file(tmp_path / "net.txt")
    with pytest.raises(DataError, match="nowhere: no such file"):
        weights_of_file(tmp_path / "nowhere")
    write(tmp_path / "small.safetensors", {}, {"w": torch.ones(2)})
    with pytest.raises(DataError, match="is compressed already; `netchip expand`"):
        weights_of_file(tmp_path / "small.safetensors")
    assert is_weight_file("X.SafeTensors")
    assert not is_weight_file("resnet20")


def test_a_network_tells_the_kind_of_its_layers_and_ties(tmp_path: Path) -> None:
    model = nn.ModuleDict(
        {"up": nn.ConvTranspose2d(8, 4, 3, groups=2), "words": nn.Embedding(10, 6), "out": nn.Linear(6, 10, bias=False)}
    )
    model["out"].weight = model["words"].weight
    weights = weights_of_model("mine", model, tmp_path)
    found = {name: (each.kind, each.groups) for name, each in weights.tensors.items()}
    assert found == {
        "out.weight": ("embedding", 1),
        "up.bias": ("unknown", 1),
        "up.weight": ("transposed", 2),
    } or found == {
        "out.weight": ("linear", 1),
        "up.bias": ("unknown", 1),
        "up.weight": ("transposed", 2),
    }
    assert json.loads(weights.metadata["netchip"])["aliases"] == {"words.weight": "out.weight"}
