"""docs/smart_exchange_format.md: its example byte for byte, and a reader in plain Python that was written from that page alone."""

import hashlib
import json
import math
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.file.container import raw
from netchip.methods.smart_exchange.file.reading import read
from netchip.methods.smart_exchange.file.writing import Written, write
from netchip.methods.smart_exchange.packing.packed import Packed, pack

PAGE = Path(__file__).resolve().parents[4] / "docs" / "smart_exchange_format.md"


class Plain:
    """The reader: netchip, torch and safetensors are not used."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        begin = 8 + int.from_bytes(content[:8], "little")
        self.header = json.loads(content[8:begin])
        metadata = self.header.pop("__metadata__")
        self.text, self.sha256 = metadata["smart_exchange"], metadata["smart_exchange_sha256"]
        self.document = json.loads(self.text)
        places = {name: entry["data_offsets"] for name, entry in self.header.items()}
        self.bytes = {name: content[begin + first : begin + last] for name, (first, last) in places.items()}

    def stored_hash(self) -> str:
        digest = hashlib.sha256(self.text.encode())
        for name in sorted(self.header):
            entry = self.header[name]
            digest.update(json.dumps([name, entry["dtype"], entry["shape"]]).encode() + b"\n" + self.bytes[name])
        return digest.hexdigest()

    def weight_hash(self, name: str) -> str:
        entry = self.document["packed"][name]
        line = json.dumps([name, entry["dtype"], entry["shape"]]).encode() + b"\n"
        return hashlib.sha256(line + self.weight(name)).hexdigest()

    def weight(self, name: str) -> bytes:
        """The bytes of a weight in the order of its elements."""
        entry = self.document["packed"][name]
        shape, width, groups = entry["shape"], entry["width"], entry.get("transposed_groups", 0)
        count = math.prod(shape)
        filters = shape[1] * groups if groups else shape[0]
        size = count // filters
        rows = self.rows(name, entry, filters, -(-size // width), width)
        flat = [[value for row in rows[each] for value in row][:size] for each in range(filters)]
        return b"".join(encoded(value, entry["dtype"]) for value in in_order(flat, shape, groups))

    def rows(
        self, name: str, entry: dict[str, Any], filters: int, filter_rows: int, width: int
    ) -> list[list[list[float]]]:
        slices, stacked, bits = entry.get("slices", 1), entry.get("stacked", 1), entry["bits"]
        powers = min(2 ** (bits - 1) - 1, 31)
        height = -(-filter_rows // slices)
        kept = stream(self.bytes[f"{name}:rows"], 1, filters * filter_rows)
        codes = self.bytes[f"{name}:codes"]
        codes = zlib.decompress(codes) if entry["coding"] == "zlib" else codes
        elements = stream(self.bytes[f"{name}:elements"], 1, sum(kept) * width) if entry["zeros"] == "bitmap" else None
        reading = iter(stream(codes, bits, sum(kept) * width if elements is None else sum(elements)))
        there = iter([1] * (sum(kept) * width) if elements is None else elements)
        basis = struct.unpack(f"{len(self.bytes[f'{name}:basis'])}b", self.bytes[f"{name}:basis"])
        unit = entry["scale"] * 2.0 ** (entry["top"] + 1 - powers)
        blocks: dict[tuple[int, int], int] = {}
        weight = [[[0.0] * width for _ in range(filter_rows)] for _ in range(filters)]
        for place in (place for place, bit in enumerate(kept) if bit):
            each, row = divmod(place, filter_rows)
            block = blocks.setdefault((each // stacked, row // height), len(blocks))
            whole = [whole_number(next(reading) if next(there) else 0, bits, powers) for _ in range(width)]
            of_block = basis[block * width * width : (block + 1) * width * width]
            sums = [sum(whole[k] * of_block[k * width + column] for k in range(width)) for column in range(width)]
            weight[each][row] = [total * unit for total in sums]
        return weight


def stream(content: bytes, bits: int, count: int) -> list[int]:
    number = int.from_bytes(content, "little")
    return [(number >> (place * bits)) & (2**bits - 1) for place in range(count)]


def whole_number(code: int, bits: int, powers: int) -> int:
    magnitude = code & (2 ** (bits - 1) - 1)
    size = 2 ** (powers - magnitude) if magnitude else 0
    return -size if code >> (bits - 1) else size


def in_order(filters: list[list[float]], shape: list[int], groups: int) -> list[float]:
    if not groups:
        return [value for each in filters for value in each]
    kernel, inputs = math.prod(shape[2:]), shape[0] // groups
    order = ((g, c, m) for g in range(groups) for c in range(inputs) for m in range(shape[1]))
    return [value for g, c, m in order for value in filters[g * shape[1] + m][c * kernel : (c + 1) * kernel]]


def encoded(value: float, dtype: str) -> bytes:
    if dtype == "F64":
        return struct.pack("<d", value)
    rounded = struct.pack("<f", value)
    if dtype == "BF16":
        number = int.from_bytes(rounded, "little")
        return ((number + 0x7FFF + (number >> 16 & 1)) >> 16).to_bytes(2, "little")
    return struct.pack("<e", *struct.unpack("<f", rounded)) if dtype == "F16" else rounded


def test_the_plain_reader_agrees(written: Written, packed: dict[str, Packed]) -> None:
    agrees(written)


def test_the_plain_reader_agrees_on_coded_files(packed: dict[str, Packed], tmp_path: Path) -> None:
    agrees(write(tmp_path / "net", packed, {"ünïcode": torch.ones(2)}, coding="zlib"))


def agrees(written: Written) -> None:
    plain, file = Plain(written.path), read(written.path)
    assert plain.stored_hash() == plain.sha256
    for name in file.packed:
        assert plain.weight(name) == bytes(raw(file.weight(name)))
        assert plain.weight_hash(name) == plain.document["packed"][name]["sha256"]


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("elements", [0.0, 0.6])
def test_the_plain_reader_agrees_at_all_bits(
    random_factors: Callable[..., Factored], tmp_path: Path, bits: int, elements: float
) -> None:
    weight = pack(random_factors(Tiling((5, 40), 3, slices=3), bits=bits, element_sparsity=elements))
    agrees(write(tmp_path / "net", {"w": weight}, {}))


def test_the_example(tmp_path: Path) -> None:
    levels = torch.tensor([[[1, -2, 7], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]], dtype=torch.int8)
    basis = torch.tensor([[[2, 0, 0], [0, 3, 0], [0, 0, 4]], [[0] * 3] * 3], dtype=torch.int8)
    factored = Factored(Tiling((2, 2, 1, 3), 3), Alphabet(4, 0), levels, basis, 0.5)
    dense = {"b": torch.tensor([1.0, -2.0])}
    plain = Plain(write(tmp_path / "net", {"w": pack(factored)}, dense, source={"format": "pt"}).path)
    document, tensors, stored_hash = re.findall(r"```(?:json|text)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert plain.text == json.dumps(json.loads(document), separators=(",", ":"))
    shown = dict(line.split(maxsplit=1) for line in tensors.splitlines())
    assert {name: bytes.fromhex(digits) for name, digits in shown.items()} == plain.bytes
    assert plain.sha256 == stored_hash.strip()
    assert struct.unpack("<12f", plain.weight("w")) == (1.0, -0.75, 0.03125, *[0.0] * 9)
