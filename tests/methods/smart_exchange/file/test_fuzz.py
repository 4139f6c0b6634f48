"""Thousands of mutated files: refused with a message that names the file, or equal to what was written; never anything else.

NETCHIP_FUZZ=20 makes twenty times as many.
"""

import json
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from netchip.errors import NetchipError
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.file.container import header_of, raw, storage_order
from netchip.methods.smart_exchange.file.hashing import stored_hash
from netchip.methods.smart_exchange.file.reading import read
from netchip.methods.smart_exchange.file.writing import write
from netchip.methods.smart_exchange.packing.packed import pack

Tensors = dict[str, torch.Tensor]
MANY = max(1, int(os.environ.get("NETCHIP_FUZZ", "1")))
MOST_GROWTH_KIB = 128 * 1024
HUGE = (
    0,
    1,
    -1,
    2**20,
    2**31,
    2**32 + 1,
    2**40,
    2**63 - 1,
    2**64,
    10**30,
    1.5,
    1e308,
    True,
    None,
    "",
    "F64",
    [],
    {},
    [2**31] * 8,
)


def fuzzed(examples: int) -> Callable[..., Any]:
    return settings(
        max_examples=examples * MANY, deadline=None, suppress_health_check=list(HealthCheck), derandomize=MANY == 1
    )


class Original:
    """A file, its parts and what it means."""

    def __init__(self, path: Path, random_factors: Callable[..., Factored]) -> None:
        packed = {
            "a": pack(random_factors(Tiling((3, 2, 3, 3), 3))),
            "b": pack(random_factors(Tiling((3, 2, 3, 3), 3), seed=1)),
            "c": pack(random_factors(Tiling((4, 9), 3), element_sparsity=0.6, dtype=torch.float16)),
        }
        write(
            path,
            packed,
            {"bias": torch.tensor([1.0, 2.0]), "odd": torch.tensor([1, 2], dtype=torch.uint8)},
            coding="zlib",
        )
        self.path, self.content = path, path.read_bytes()
        self.state = read(path).state_dict()
        with safe_open(path, framework="pt") as file:
            self.tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            self.document = json.loads(file.metadata()["smart_exchange"])

    def with_bytes(self, content: bytes) -> "Tensors | None":
        """What the file would mean, None where it is refused."""
        self.path.write_bytes(content)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            return read(self.path).state_dict()
        except NetchipError as error:
            if not str(error).startswith(str(self.path)):
                raise
            return None
        finally:
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH_KIB

    def with_parts(self, text: str, tensors: Tensors) -> "Tensors | None":
        """The same for other parts, with the hash of what is stored made right."""
        metadata = {"smart_exchange": text, "smart_exchange_sha256": stored_hash(text, tensors, tensors.__getitem__)}
        body = b"".join(bytes(raw(tensors[name])) for name in storage_order(tensors))
        return self.with_bytes(header_of(tensors, metadata) + body)

    def is_meant_by(self, state: Tensors, names: tuple[str, ...]) -> bool:
        return all(same_bits(state[name], self.state[name]) for name in names)


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and bytes(raw(one)) == bytes(raw(other))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, random_factors: Callable[..., Factored]) -> Original:
    return Original(tmp_path_factory.mktemp("fuzz") / "net.safetensors", random_factors)


@fuzzed(800)
@given(data=st.data())
def test_bytes(original: Original, data: st.DataObject) -> None:
    """Bytes changed, cut off, put in: what is still accepted means the same."""
    content = bytearray(original.content)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        what = data.draw(st.sampled_from(["flip", "set", "cut", "remove", "insert"]))
        if what == "flip" and place < len(content):
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        elif what == "set" and place < len(content):
            content[place] = data.draw(st.sampled_from([0, 255, *b'0129"{}[],:eE-\\']))
        elif what == "cut":
            del content[place:]
        elif what == "remove":
            del content[place : place + data.draw(st.integers(1, 16))]
        else:
            content[place:place] = data.draw(st.binary(min_size=1, max_size=16))
    state = original.with_bytes(bytes(content))
    assert state is None or original.is_meant_by(state, tuple(original.state))


@fuzzed(500)
@given(data=st.data())
def test_header(original: Original, data: st.DataObject) -> None:
    """The header's JSON changed with its length made right: shapes, types, offsets, names."""
    length = int.from_bytes(original.content[:8], "little")
    header = json.loads(original.content[8 : 8 + length])
    mutate(header, data)
    text = json.dumps(header).encode()
    state = original.with_bytes(len(text).to_bytes(8, "little") + text + original.content[8 + length :])
    assert state is None or original.is_meant_by(state, tuple(original.state))


@fuzzed(1500)
@given(data=st.data())
def test_document(original: Original, data: st.DataObject) -> None:
    """The document changed and hashed again: a packed weight is what it was, or is refused."""
    document = json.loads(json.dumps(original.document))
    for _ in range(data.draw(st.integers(1, 2))):
        mutate(document, data)
    state = original.with_parts(json.dumps(document), original.tensors)
    assert state is None or original.is_meant_by(state, ("a", "b", "c"))


@fuzzed(800)
@given(data=st.data())
def test_tensors(original: Original, data: st.DataObject) -> None:
    """Stored tensors of packed weights changed, exchanged, cut, of another type, and hashed again."""
    tensors = {name: tensor.clone() for name, tensor in original.tensors.items()}
    names = [name for name in tensors if ":" in name]
    name = data.draw(st.sampled_from(names))
    what = data.draw(st.sampled_from(["exchange", "change", "cut", "extend", "type", "shape", "remove"]))
    if what == "exchange":
        other = data.draw(st.sampled_from(names))
        tensors[name], tensors[other] = tensors[other], tensors[name]
    elif what == "change":
        flat = tensors[name].reshape(-1)
        flat[data.draw(st.integers(0, flat.numel() - 1))] ^= 1 << data.draw(st.integers(0, 6))
    elif what == "cut":
        tensors[name] = tensors[name][: data.draw(st.integers(0, 3))].clone()
    elif what == "extend":
        tensors[name] = torch.cat([tensors[name], tensors[name][-1:]])
    elif what == "type":
        tensors[name] = tensors[name].to(
            data.draw(st.sampled_from([torch.int8, torch.bool, torch.float32, torch.uint8]))
        )
    elif what == "shape":
        tensors[name] = tensors[name].reshape(-1, 1)
    else:
        del tensors[name]
    state = original.with_parts(json.dumps(original.document), tensors)
    assert state is None or original.is_meant_by(state, tuple(original.state))


def mutate(value: Any, data: st.DataObject) -> None:
    """One change somewhere within a JSON value."""
    places = list(within(value))
    holder, key = data.draw(st.sampled_from(places))
    what = data.draw(st.sampled_from(["replace", "replace", "near", "remove", "copy"]))
    if what == "remove":
        del holder[key]
    elif what == "copy":
        other, place = data.draw(st.sampled_from(places))
        holder[key] = json.loads(json.dumps(other.get(place) if isinstance(other, dict) else other[place]))
    elif what == "near" and type(holder[key]) in (int, float):
        holder[key] += data.draw(st.sampled_from([-1, 1, 2, 8]))
    elif what == "near" and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    else:
        holder[key] = json.loads(json.dumps(data.draw(st.sampled_from(HUGE))))


def within(value: Any) -> Any:
    """Every place in a JSON value, as (what holds it, its key or index)."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from within(value[key])
