"""Networks from packed weights: both ways give the rebuilt weights bit for bit, and the packed way holds the packed bytes only."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from netchip.errors import CheckpointMismatch, ConfigError, DataError
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.file import writing
from netchip.methods.smart_exchange.file.hashing import weight_hash
from netchip.methods.smart_exchange.file.reading import read
from netchip.methods.smart_exchange.file.writing import write
from netchip.methods.smart_exchange.modules.compressed import Rebuild, compressed
from netchip.methods.smart_exchange.modules.packed_weight import PackedWeight
from netchip.methods.smart_exchange.packing.packed import Packed, pack, unpack

Factors = Callable[..., Factored]


class Mixed(nn.Module):
    """Layers of every kind; the last one is tied to the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 16)
        self.grouped = nn.Conv1d(4, 8, 3, padding=1, groups=2)
        self.depthwise = nn.Conv1d(8, 8, 5, padding=2, groups=8, bias=False)
        self.norm = nn.BatchNorm1d(8)
        self.transposed = nn.ConvTranspose1d(8, 6, 3, padding=1, groups=2)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.linear = nn.Linear(96, 16)
        self.head = nn.Linear(16, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, words: Tensor) -> Tensor:
        x = self.transposed(self.norm(self.depthwise(self.grouped(self.embedding(words)))))
        return self.head(self.linear(self.attention(x, x, x)[0].flatten(1)))


NAMES = (
    "embedding.weight",
    "grouped.weight",
    "depthwise.weight",
    "transposed.weight",
    "attention.in_proj_weight",
    "linear.weight",
)


@pytest.fixture
def model() -> Mixed:
    torch.manual_seed(0)
    return Mixed().eval()


def packed_of(model: nn.Module, factors: Factors, seed: int = 0, **more: object) -> dict[str, Packed]:
    packed = {}
    for place, name in enumerate(NAMES):
        groups = 2 if name.startswith("transposed") else 0
        tiling = Tiling(tuple(model.get_parameter(name).shape), 3, transposed_groups=groups)
        packed[name] = pack(factors(tiling, seed=seed + place, **more))
    return packed


@pytest.fixture
def packed(model: Mixed, random_factors: Factors) -> dict[str, Packed]:
    return packed_of(model, random_factors)


WORDS = torch.tensor([[1, 2, 3, 10], [4, 4, 0, 9]])


@torch.no_grad()
def run(network: nn.Module) -> Tensor:
    """The output without gradients: with them, attention takes another path where its weights need none."""
    return network(WORDS)


def test_loaded_weights_are_the_rebuilt_ones(model: Mixed, packed: dict[str, Packed]) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    network = compressed(model, packed)
    state = network.state_dict()
    assert state.keys() == before.keys()
    for name, value in state.items():
        source = "embedding.weight" if name == "head.weight" else name
        expected = unpacked(packed[source]) if source in packed else before[name]
        assert torch.equal(value, expected), name
    assert network.head.weight is network.embedding.weight  # type: ignore[union-attr]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(value.requires_grad for value in network.parameters())


def unpacked(stored: Packed) -> Tensor:
    return unpack(stored).weight()


def test_forward_mode_computes_what_load_mode_computes(model: Mixed, packed: dict[str, Packed]) -> None:
    loaded, light = compressed(model, packed), compressed(model, packed, rebuild="forward")
    assert torch.equal(run(light), run(loaded))
    for name in (*NAMES, "head.weight"):
        path, _, key = name.rpartition(".")
        assert torch.equal(getattr(light.get_submodule(path), key), loaded.get_parameter(name))
    assert isinstance(light.get_submodule("grouped"), nn.Conv1d)


def all_tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def test_forward_mode_holds_the_packed_bytes_and_the_dense_rest(model: Mixed, packed: dict[str, Packed]) -> None:
    light = compressed(model, packed, rebuild="forward")
    run(light)
    held = sum(value.untyped_storage().nbytes() for value in all_tensors(light))
    treated = {id(model.get_parameter(name)) for name in NAMES}
    rest = sum(value.numel() * value.element_size() for value in all_tensors(model) if id(value) not in treated)
    assert held == sum(stored.bytes for stored in packed.values()) + rest
    assert not set(NAMES) & dict(light.named_parameters()).keys()
    loose = [value for module in light.modules() for value in vars(module).values() if isinstance(value, Tensor)]
    assert loose == []


def test_tied_weights_are_held_once(model: Mixed, packed: dict[str, Packed]) -> None:
    light = compressed(model, packed, rebuild="forward")
    held = [module for module in light.modules() if isinstance(module, PackedWeight)]
    assert len(held) == len(NAMES)
    assert light.get_submodule("head.packed_weight") is light.get_submodule("embedding.packed_weight")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_copies_stand_alone(model: Mixed, packed: dict[str, Packed], copied: Callable[[nn.Module], nn.Module]) -> None:
    light = compressed(model, packed, rebuild="forward")
    expected = run(light)
    other = copied(light)
    assert torch.equal(run(other), expected)
    other.get_submodule("linear.packed_weight").codes.zero_()  # type: ignore[union-attr]
    assert not torch.equal(run(other), expected)
    assert torch.equal(run(light), expected)
    assert other.get_submodule("head.packed_weight") is other.get_submodule("embedding.packed_weight")


def test_state_goes_into_a_network_of_other_weights(
    model: Mixed, packed: dict[str, Packed], random_factors: Factors
) -> None:
    """Of other scales, other sparsity, other bits: the streams have other lengths."""
    light = compressed(model, packed, rebuild="forward")
    others = packed_of(model, random_factors, seed=50, bits=6, top=1, scale=0.5, row_sparsity=0.6, element_sparsity=0.5)
    other = compressed(model, others, rebuild="forward")
    assert not torch.equal(run(other), run(light))
    other.load_state_dict(light.state_dict())
    assert torch.equal(run(other), run(light))


def test_a_state_that_does_not_fit_is_refused(model: Mixed, packed: dict[str, Packed], random_factors: Factors) -> None:
    light = compressed(model, packed, rebuild="forward")
    state = light.state_dict()
    state["linear.packed_weight.codes"] = state["linear.packed_weight.codes"][:-1]
    with pytest.raises(CheckpointMismatch, match=r"packed weight of shape \(16, 96\): the codes"):
        light.load_state_dict(state)
    state = compressed(model, packed, rebuild="forward").state_dict()
    key = "linear.packed_weight._extra_state"
    state[key] = {**state[key], "tiling": {"shape": [16, 96], "width": 4}}
    with pytest.raises(CheckpointMismatch, match="it was cut as"):
        light.load_state_dict(state)
    state[key] = {"tiling": {}}
    with pytest.raises(CheckpointMismatch, match="no packed weight is read by"):
        light.load_state_dict(state)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_another_type_moves_the_weight_and_not_the_codes(
    model: Mixed, packed: dict[str, Packed], dtype: torch.dtype
) -> None:
    light = compressed(model, packed, rebuild="forward").to(dtype)
    loaded = compressed(model, packed).to(dtype)
    assert torch.equal(run(light), run(loaded))
    held = light.get_submodule("linear.packed_weight")
    assert isinstance(held, PackedWeight)
    assert held.codes.dtype == torch.uint8
    assert torch.equal(held.packed.codes, packed["linear.weight"].codes)


def test_the_type_is_that_of_the_model(model: Mixed, packed: dict[str, Packed]) -> None:
    wide = model.double()
    for rebuild in ("load", "forward"):
        assert run(compressed(wide, packed, rebuild)).dtype == torch.float64  # type: ignore[arg-type]


def test_training_and_evaluation_go_on(model: Mixed, packed: dict[str, Packed]) -> None:
    light = compressed(model, packed, rebuild="forward").train()
    light(WORDS).sum().backward()
    assert light.get_parameter("grouped.bias").grad is not None
    assert not light.eval().training
    assert not light.get_submodule("linear.packed_weight").training


def test_patterns_choose_what_is_held_packed(model: Mixed, packed: dict[str, Packed]) -> None:
    light = compressed(model, packed, "forward", only=("gr*", "linear"), skip=("linear.weight",))
    assert [name for name, module in light.named_modules() if isinstance(module, PackedWeight)] == [
        "grouped.packed_weight"
    ]
    assert torch.equal(run(light), run(compressed(model, packed)))
    with pytest.raises(
        ConfigError, match=r"the pattern 'norm' fits no packed weight; they are named embedding.weight, grouped"
    ):
        compressed(model, packed, "forward", skip=("norm",))


def test_a_model_without_memory_is_filled(model: Mixed, packed: dict[str, Packed]) -> None:
    with torch.device("meta"):
        empty = nn.Sequential(nn.Linear(96, 16, bias=False))
    for rebuild in ("load", "forward"):
        network = compressed(empty, {"0.weight": packed["linear.weight"]}, rebuild)  # type: ignore[arg-type]
        weight = network.get_submodule("0").weight
        assert torch.equal(weight, unpacked(packed["linear.weight"]))  # type: ignore[arg-type]


def test_recurrent_layers_are_rebuilt_once_or_refused(random_factors: Factors) -> None:
    model = nn.GRU(6, 5)
    stored = {"weight_ih_l0": pack(random_factors(Tiling((15, 6), 3)))}
    with pytest.raises(ConfigError, match=r"GRU keeps its weights in a list of its own.*leave it out by skip="):
        compressed(model, stored, "forward")
    network = compressed(model, stored)
    x = torch.ones(2, 1, 6)
    assert not torch.equal(network(x)[0], model(x)[0])
    assert torch.equal(network.get_parameter("weight_ih_l0"), unpacked(stored["weight_ih_l0"]))


def test_weights_of_another_model(model: Mixed, packed: dict[str, Packed]) -> None:
    with pytest.raises(
        CheckpointMismatch, match=r"lineer.weight: this model has no such weight; the nearest name there is 'linear.w"
    ):
        compressed(model, {"lineer.weight": packed["linear.weight"]})
    with pytest.raises(
        CheckpointMismatch, match=r"linear.weight: stored as \(11, 16\), but this model has \(16, 96\) there"
    ):
        compressed(model, {"linear.weight": packed["embedding.weight"]})
    with pytest.raises(ConfigError, match="rebuild = 'later'; known: 'load', 'forward'"):
        compressed(model, packed, "later")  # type: ignore[arg-type]


def dense_of(model: nn.Module) -> dict[str, Tensor]:
    tied = (*NAMES, "head.weight")
    return {name: value + 1 for name, value in model.state_dict().items() if name not in tied}


@pytest.mark.parametrize("rebuild", ["load", "forward"])
def test_a_file_fills_the_whole_model(
    model: Mixed, packed: dict[str, Packed], rebuild: Rebuild, tmp_path: Path
) -> None:
    path, dense = tmp_path / "model.safetensors", dense_of(model)
    write(path, packed, dense)
    network = compressed(model, path, rebuild)
    state = network.state_dict()
    assert all(torch.equal(state[name], value) for name, value in dense.items())
    loaded = compressed(model, read(path))
    assert torch.equal(run(network), run(loaded))
    expected = read(path).state_dict()
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in expected.items())


@pytest.mark.parametrize("rebuild", ["load", "forward"])
def test_a_weight_that_is_not_what_its_hash_says_is_refused(
    model: Mixed, packed: dict[str, Packed], rebuild: Rebuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written by a program that packs one weight and notes the hash of another."""
    monkeypatch.setattr(writing, "weight_hash", lambda name, weight: weight_hash(name, weight + 1))
    write(tmp_path / "file", packed, dense_of(model))
    with pytest.raises(
        DataError, match=r"'attention.in_proj_weight' is not the weight that was packed: its hash differs"
    ):
        compressed(model, tmp_path / "file", rebuild)


def test_a_model_on_the_meta_device_is_filled_from_a_file(
    model: Mixed, packed: dict[str, Packed], tmp_path: Path
) -> None:
    write(tmp_path / "file", packed, dense_of(model))
    with torch.device("meta"):
        empty = Mixed().eval()
    for rebuild in ("load", "forward"):
        network = compressed(empty, tmp_path / "file", rebuild)  # type: ignore[arg-type]
        assert torch.equal(run(network), run(compressed(model, tmp_path / "file")))
    assert all(value.is_meta for value in empty.parameters())


def test_a_file_that_leaves_something_out(model: Mixed, packed: dict[str, Packed], tmp_path: Path) -> None:
    dense = dense_of(model)
    del dense["norm.running_mean"]
    write(tmp_path / "file", packed, dense)
    with pytest.raises(CheckpointMismatch, match=r"the file holds nothing for norm.running_mean of this model"):
        compressed(model, tmp_path / "file")


def test_both_names_of_a_tied_weight_must_hold_the_same(model: Mixed, packed: dict[str, Packed]) -> None:
    both = {**packed, "head.weight": packed["embedding.weight"]}
    for rebuild in ("load", "forward"):
        assert torch.equal(run(compressed(model, both, rebuild)), run(compressed(model, packed)))  # type: ignore[arg-type]
    other = dataclasses.replace(packed["embedding.weight"], basis_scale=2.0)
    with pytest.raises(
        CheckpointMismatch, match=r"embedding.weight and head.weight are one weight in this model, but differ"
    ):
        compressed(model, {**packed, "head.weight": other})
