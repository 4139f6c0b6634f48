"""What is written is read again, the same bytes each time, and as large as was predicted."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from netchip.errors import CheckpointError, ConfigError, DataError
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.file.reading import is_compressed, read
from netchip.methods.smart_exchange.file.writing import Written, write
from netchip.methods.smart_exchange.packing.packed import Packed, pack, unpack

Tensors = dict[str, torch.Tensor]


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    raw = [tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other)]
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(*raw)


@pytest.mark.parametrize("coding", ["plain", "zlib"])
def test_way_back(packed: dict[str, Packed], dense: Tensors, tmp_path: Path, coding: str) -> None:
    written = write(
        tmp_path / "a" / "net.safetensors", packed, dense, coding=coding, source={"format": "pt"}, note={"x": [1.5]}
    )
    file = read(written.path)
    assert file.names == tuple(sorted([*packed, *dense]))
    assert (file.source, file.note) == ({"format": "pt"}, {"x": [1.5]})
    assert set(file.packed) == set(packed)
    for name, weight in packed.items():
        assert same_bits(file.weight(name), unpack(weight).weight())
        assert torch.equal(file.packed[name].codes, weight.codes)
    state = file.state_dict()
    assert set(state) == {*packed, *dense}
    assert all(same_bits(state[name], tensor) and same_bits(file.dense[name], tensor) for name, tensor in dense.items())
    with pytest.raises(KeyError):
        file.packed["fc.bias"]


def test_bytes_are_those_predicted_and_always_the_same(
    written: Written, packed: dict[str, Packed], dense: Tensors
) -> None:
    content = sum(weight.bytes for weight in packed.values()) + sum(
        t.numel() * t.element_size() for t in dense.values()
    )
    assert written.bytes == written.path.stat().st_size == written.header_bytes + content
    again = write(written.path.with_name("again"), packed, dense, source={"format": "pt"}, note={"bits": 4})
    assert again.path.read_bytes() == written.path.read_bytes()
    file = read(written.path)
    assert all(file.size(name).bytes == packed[name].bytes for name in packed)


def test_the_container_is_safetensors(written: Written, dense: Tensors) -> None:
    tensors = load_file(written.path)
    assert all(same_bits(tensors[name], tensor) for name, tensor in dense.items())
    assert {"conv.weight:codes", "conv.weight:rows", "conv.weight:basis", "fc.weight:elements"} <= set(tensors)
    assert is_compressed(written.path)


def test_entropy_coding_pays_and_is_counted(random_factors, tmp_path: Path) -> None:
    factored = random_factors(Tiling((40, 60, 3, 3), 3), row_sparsity=0.0, element_sparsity=0.0)
    factored.levels[factored.levels < -2] = 1  # few different codes
    weights = {"w": pack(factored), "short": pack(random_factors(Tiling((1, 3), 3)))}
    plain, coded = (write(tmp_path / coding, weights, {}, coding=coding) for coding in ("plain", "zlib"))
    file = read(coded.path)
    size = file.size("w")
    assert size.coded_bits is not None
    assert size.coded_bits < 0.9 * size.codes_bits
    assert plain.bytes - coded.bytes == pytest.approx((size.codes_bits - size.coded_bits) / 8, abs=16)
    assert file.document.packed["short"].coding == "plain"  # where it does not pay
    assert same_bits(file.weight("w"), factored.weight())


def test_tied_tensors_have_all_their_names(packed: dict[str, Packed], tmp_path: Path) -> None:
    source = {"netchip": json.dumps({"format": 1, "aliases": {"head.weight": "fc.weight", "x": "nowhere"}})}
    state = read(write(tmp_path / "net", packed, {}, source=source).path).state_dict()
    assert state["head.weight"] is state["fc.weight"]
    assert "x" not in state


def test_what_cannot_be_written(packed: dict[str, Packed], dense: Tensors, tmp_path: Path) -> None:
    path = tmp_path / "net"
    one = {"w": packed["conv.weight"]}
    with pytest.raises(DataError, match="net: 'w' is stored beside a packed weight, whose name it takes"):
        write(path, one, {"w": torch.ones(1)})
    with pytest.raises(ConfigError, match="coding = 'lzma' is not known; there are plain, zlib"):
        write(path, one, {}, coding="lzma")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="holds plain values only"):
        write(path, one, {}, note={"error": float("nan")})
    with pytest.raises(DataError, match="'w:codes' is the name of a dense tensor, and of a part of a packed weight"):
        write(path, one, {"w:codes": torch.ones(1)})
    with pytest.raises(DataError, match="complex128 cannot be stored"):
        write(path, {}, {"q": torch.zeros(1, dtype=torch.complex128)})
    assert not path.exists()
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="could not be written"):
        write(tmp_path / "file" / "net", one, {})
