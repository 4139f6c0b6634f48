"""The document of a file: JSON that says what its tensors mean. Every field is checked before it is believed."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch

from netchip.errors import CheckpointMismatch, ConfigError, DataError
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.file.coding import CODINGS, Coding
from netchip.methods.smart_exchange.file.container import DTYPES, dtype_name
from netchip.methods.smart_exchange.packing.packed import WIDEST, Packed, check_scale
from netchip.methods.smart_exchange.packing.sizes import Zeros

FORMAT, VERSION = "netchip SmartExchange", 1
PARTS = ("codes", "rows", "elements", "basis")
_LONGEST_BYTES = 1 << 25
_MOST_DIMENSIONS, _LARGEST_SIZE = 8, 1 << 40
_FLOATS = ("F64", "F32", "F16", "BF16")
_TILING = ("shape", "width", "slices", "stacked", "transposed_groups")
_REQUIRED = ("shape", "width", "dtype", "bits", "top", "scale", "zeros", "coding", "sha256")
_HEX_DIGITS = 64


@dataclass(frozen=True)
class Entry:
    """What the document says of one packed weight; `sha256` is that of the rebuilt weight."""

    tiling: Tiling
    alphabet: Alphabet
    scale: float
    dtype: torch.dtype
    zeros: Zeros
    coding: Coding
    sha256: str

    @classmethod
    def of(cls, packed: Packed, coding: Coding, sha256: str) -> "Entry":
        """The entry of a packed weight."""
        return cls(packed.tiling, packed.alphabet, packed.basis_scale, packed.dtype, packed.zeros, coding, sha256)

    @property
    def parts(self) -> tuple[str, ...]:
        """What is stored of it."""
        return tuple(part for part in PARTS if part != "elements" or self.zeros == "bitmap")

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            **self.tiling.to_json(),
            "dtype": dtype_name(self.dtype),
            "bits": self.alphabet.bits,
            "top": self.alphabet.top,
            "scale": self.scale,
            "zeros": self.zeros,
            "coding": self.coding,
            "sha256": self.sha256,
        }

    @classmethod
    def from_json(cls, data: Any) -> "Entry":
        """What `to_json` gave. Raises `ConfigError` or `DataError` with the field that is wrong."""
        fields = _object(data, "its description")
        missing = [name for name in _REQUIRED if name not in fields]
        unknown = [name for name in fields if name not in (*_REQUIRED, *_TILING)]
        if missing or unknown:
            raise DataError(f"its description lacks {missing}, and {unknown} is not known")
        check_scale(fields["scale"], fields["top"])
        return cls(
            tiling=_tiling(fields),
            alphabet=Alphabet(fields["bits"], fields["top"]),
            scale=fields["scale"],
            dtype=DTYPES[_one_of(fields, "dtype", _FLOATS)],
            zeros=cast("Zeros", _one_of(fields, "zeros", ("code", "bitmap"))),
            coding=cast("Coding", _one_of(fields, "coding", CODINGS)),
            sha256=_hex(fields["sha256"]),
        )


@dataclass(frozen=True)
class Document:
    """`packed`: the packed weights by name; `dense`: how many tensors lie as they are, under their own names.

    `source`: the metadata of the file that was compressed. `note`: plain values about how, which nothing depends on.
    """

    packed: Mapping[str, Entry]
    dense: int
    source: Mapping[str, str] = field(default_factory=dict)
    note: Mapping[str, Any] = field(default_factory=dict)

    def stored_of(self, name: str) -> tuple[str, ...]:
        """The names of the stored tensors of a packed weight."""
        return tuple(stored_name(name, part) for part in self.packed[name].parts)

    def dense_names(self, stored: Collection[str]) -> tuple[str, ...]:
        """Which of the `stored` tensors belong to no packed weight. Raises `DataError` unless there is what is declared."""
        of_packed = [place for name in self.packed for place in self.stored_of(name)]
        missing = [place for place in of_packed if place not in stored]
        if missing:
            raise DataError(f"what it holds is not what it declares: {missing[0]!r} is missing")
        names = sorted(set(stored) - set(of_packed))
        reserved = {stored_name(name, part) for name in self.packed for part in ("", *PARTS)} & set(names)
        if reserved:
            raise DataError(f"{min(reserved)!r} is stored beside a packed weight, whose name it takes")
        if len(names) != self.dense:
            raise DataError(f"it holds {len(names)} tensors beside its packed weights, but declares {self.dense}")
        return tuple(names)

    def to_text(self) -> str:
        """As JSON. Raises `ConfigError` for a note that is none."""
        value = {
            "format": FORMAT,
            "version": VERSION,
            "packed": {name: entry.to_json() for name, entry in self.packed.items()},
            "dense": self.dense,
            "source": dict(self.source),
            "note": dict(self.note),
        }
        try:
            return json.dumps(value, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the note of a file holds plain values only ({error})") from None

    @classmethod
    def from_text(cls, text: str) -> "Document":
        """What `to_text` gave. Raises `DataError`, `ConfigError` or, for a newer version, `CheckpointMismatch`."""
        data = _parsed(text)
        _check_version(data)
        dense = data.get("dense")
        if type(dense) is not int or dense < 0:
            raise DataError("how many tensors are not packed is no whole number")
        entries = _object(data.get("packed"), "its list of packed weights")
        source = _object(data.get("source", {}), "the metadata of its source")
        if not all(isinstance(value, str) for value in source.values()):
            raise DataError("the metadata of its source holds something that is no text")
        packed = {name: _entry(name, entry) for name, entry in entries.items()}
        return cls(packed, dense, source, _object(data.get("note", {}), "its note"))


def stored_name(name: str, part: str) -> str:
    """The name in the container: `part` is "" for a dense tensor."""
    return f"{name}:{part}" if part else name


def _entry(name: str, data: Any) -> Entry:
    try:
        return Entry.from_json(data)
    except (ConfigError, DataError) as error:
        raise DataError(f"{name!r}: {error}") from None


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > _LONGEST_BYTES:
        raise DataError(f"its description has {len(text)} characters; {_LONGEST_BYTES} is the most there is")
    try:
        data = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"its description is no JSON ({type(error).__name__}: {error})") from None
    return _object(data, "its description")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _check_version(data: Mapping[str, Any]) -> None:
    version = data.get("version")
    if data.get("format") != FORMAT or type(version) is not int or version < 1:
        raise DataError(f"its description is not of the format {FORMAT!r}")
    if version > VERSION:
        raise CheckpointMismatch(
            f"written in version {version} of its format, and this netchip reads up to {VERSION}; use a newer netchip"
        )


def _object(data: Any, what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DataError(f"{what} is no JSON object")
    return cast("dict[str, Any]", data)


def _tiling(fields: Mapping[str, Any]) -> Tiling:
    """Sizes are limited before anything is calculated with them."""
    shape = fields["shape"]
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS:
        raise DataError(f"its shape is no list of at most {_MOST_DIMENSIONS} sizes")
    sizes = [*shape, *(fields[name] for name in _TILING[1:] if name in fields)]
    if any(type(size) is not int or not 0 <= size <= _LARGEST_SIZE for size in sizes):
        raise DataError(f"a size is no whole number up to {_LARGEST_SIZE}")
    tiling = Tiling.from_json({name: fields[name] for name in _TILING if name in fields})
    if tiling.width > WIDEST or math.prod(tiling.shape) > _LARGEST_SIZE:
        raise DataError(f"rows of {tiling.width} weights and {tiling.weights} in all are more than the format allows")
    return tiling


def _one_of(fields: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = fields[name]
    if not isinstance(value, str) or value not in known:
        raise DataError(f"{name} = {value!r} is not known; there are {', '.join(known)}")
    return value


def _hex(value: Any) -> str:
    if (
        not isinstance(value, str)
        or len(value) != _HEX_DIGITS
        or any(letter not in "0123456789abcdef" for letter in value)
    ):
        raise DataError("sha256 is no hash of 64 hexadecimal digits")
    return value
