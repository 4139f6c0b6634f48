"""Rounded weights on disk: back bit for bit, in any dtype and shape; files that were changed are refused by name."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from netchip.errors import DataError
from netchip.methods.smart_exchange.baselines.file import read_rounded, write_rounded
from netchip.methods.smart_exchange.baselines.quantized import Quantized, quantize
from netchip.methods.smart_exchange.baselines.scheme import Scheme


def rounded(*shape: int, bits: int = 4, symmetric: bool = True, dtype: torch.dtype = torch.float32) -> Quantized:
    weight = torch.randn(*shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    return quantize(weight, Scheme(bits, 5, symmetric=symmetric))


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_back_bit_for_bit(bits: int, symmetric: bool, dtype: torch.dtype, tmp_path: Path) -> None:
    stored = rounded(3, 2, 7, bits=bits, symmetric=symmetric, dtype=dtype)
    bias = torch.tensor([1.0, 2.0])
    write_rounded(tmp_path / "weights", {"a": stored}, {"bias": bias})
    back = read_rounded(tmp_path / "weights")
    assert torch.equal(back.state_dict()["a"], stored.weight())
    assert back.state_dict()["a"].dtype == dtype
    assert torch.equal(back.dense["bias"], bias)
    assert list(back.dense) == ["bias"]


def test_four_bits_take_half_a_byte(tmp_path: Path) -> None:
    stored = quantize(torch.randn(64, 6400, generator=torch.Generator().manual_seed(0)), Scheme(4, 64))
    size = write_rounded(tmp_path / "weights", {"a": stored}, {})
    assert 64 * 6400 * 4.25 / 8 < size < 64 * 6400 * 4.25 / 8 + 500


def test_names_that_clash(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'a:codes' is both a dense tensor and part of a rounded weight; rename one"):
        write_rounded(tmp_path / "weights", {"a": rounded(2, 3)}, {"a:codes": torch.ones(1)})
    assert not (tmp_path / "weights").exists()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("rounded") / "weights"
    write_rounded(path, {"a": rounded(3, 7, symmetric=False)}, {"bias": torch.ones(2)})
    return path.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [3, 8]}, "a:codes holds 11 bytes, not 12"),
        ({"shape": [10**9, 10**9]}, "scales are"),
        ({"shape": 3}, "not iterable"),
        ({"scheme": "int4-g5"}, "a:codes holds code 15; there are 15"),
        ({"scheme": "int3-g5-affine"}, "a:codes holds 11 bytes, not 8"),
        ({"scheme": 4}, "has no attribute"),
        ({"exponent": 1e300}, "the exponent is 1e"),
        ({"dtype": "torch.int8"}, "torch.int8"),
    ],
)
def test_metadata_that_do_not_fit(content: bytes, change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "changed"
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    described = json.loads(header["__metadata__"]["rounded"])
    described["weights"]["a"] |= change
    path.write_bytes(save(load(content), metadata={"rounded": json.dumps(described)}))
    with pytest.raises(DataError, match=rf"(?s)changed: .*({message}).*write it again"):
        read_rounded(path)


def test_a_part_that_no_scheme_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    write_rounded(path, {"a": rounded(3, 7)}, {})
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    path.write_bytes(save({**load(content), "a:zero_points": torch.ones(1)}, metadata=header["__metadata__"]))
    with pytest.raises(DataError, match="a:zero_points is left over"):
        read_rounded(path)


def test_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_rounded(tmp_path / "nowhere")
    path = tmp_path / "other"
    path.write_bytes(save({"a": torch.ones(1)}))
    with pytest.raises(DataError, match="its format is None, not 'netchip-rounded-1'"):
        read_rounded(path)
    path.write_bytes(content[:-3])
    with pytest.raises(DataError, match="no whole file of rounded weights"):
        read_rounded(path)


@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_changed_byte_gives_weights_or_one_message(
    place: int, value: int, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "byte"
    changed = bytearray(content)
    changed[place % len(content)] = value
    path.write_bytes(bytes(changed))
    try:
        state = read_rounded(path).state_dict()
    except DataError as error:
        message = str(error)
        state = {}
    else:
        message = str(path)
    assert str(path) in message
    assert all(isinstance(each, torch.Tensor) for each in state.values())
