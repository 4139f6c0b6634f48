"""Writing a compressed file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from netchip.errors import ConfigError, DataError
from netchip.methods.smart_exchange.file.coding import CODINGS, Coding, coded
from netchip.methods.smart_exchange.file.container import header_of, write_container
from netchip.methods.smart_exchange.file.document import Document, Entry, stored_name
from netchip.methods.smart_exchange.file.hashing import stored_hash, weight_hash
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.packing.rebuild import rebuild

DOCUMENT_KEY, HASH_KEY = "smart_exchange", "smart_exchange_sha256"


@dataclass(frozen=True)
class Written:
    """A file that was written: its bytes, and how many of them are the header."""

    path: Path
    bytes: int
    header_bytes: int


def write(
    path: str | Path,
    packed: Mapping[str, Packed],
    dense: Mapping[str, Tensor],
    *,
    coding: Coding = "plain",
    source: Mapping[str, str] | None = None,
    note: Mapping[str, Any] | None = None,
) -> Written:
    """Writes packed weights, and tensors that stay as they are, to one file; whole or not at all.

    `source`: the metadata to restore. `coding`: "zlib" makes the codes of each weight smaller where it can. The bytes depend on
    what is given only, not on its order. Raises `ConfigError` or `DataError` that names the file for what cannot be stored,
    `CheckpointError` when the disk refuses.
    """
    path = Path(path)
    with _naming(path):
        packed = {name: packed[name] for name in sorted(packed)}
        stored, entries = _stored(packed, coding)
        twice = sorted(stored.keys() & dense.keys())
        if twice:
            raise DataError(f"{twice[0]!r} is the name of a dense tensor, and of a part of a packed weight")
        stored.update(dense)
        document = Document(entries, len(dense), source or {}, note or {})
        document.dense_names(stored)
        text = document.to_text()
        metadata = {DOCUMENT_KEY: text, HASH_KEY: stored_hash(text, stored, stored.__getitem__)}
        size = write_container(path, stored, metadata)
    return Written(path, size, len(header_of(stored, metadata)))


def _stored(packed: Mapping[str, Packed], coding: Coding) -> tuple[dict[str, Tensor], dict[str, Entry]]:
    if coding not in CODINGS:
        raise ConfigError(f"coding = {coding!r} is not known; there are {', '.join(CODINGS)}")
    stored: dict[str, Tensor] = {}
    entries: dict[str, Entry] = {}
    for name, weight in packed.items():
        parts = dict(weight.tensors)
        smaller = coded(parts["codes"]) if coding == "zlib" else None
        pays = smaller is not None and smaller.numel() < parts["codes"].numel()
        if smaller is not None and pays:
            parts["codes"] = smaller
        entries[name] = Entry.of(weight, "zlib" if pays else "plain", weight_hash(name, rebuild(weight)))
        stored |= {stored_name(name, part): tensor for part, tensor in parts.items()}
    return stored, entries


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except (ConfigError, DataError) as error:
        raise type(error)(f"{path}: {error}") from None
