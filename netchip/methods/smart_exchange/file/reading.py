"""Reading a compressed file: what is declared is compared with what is there before anything is made of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from safetensors import SafetensorError, safe_open
from torch import Tensor

from netchip.errors import CheckpointMismatch, ConfigError, DataError
from netchip.methods.smart_exchange.file.coding import decoded
from netchip.methods.smart_exchange.file.container import DTYPES
from netchip.methods.smart_exchange.file.document import Document, Entry, stored_name
from netchip.methods.smart_exchange.file.hashing import stored_hash, weight_hash
from netchip.methods.smart_exchange.file.writing import DOCUMENT_KEY, HASH_KEY
from netchip.methods.smart_exchange.packing.bits import stream_bytes, unpack_bits
from netchip.methods.smart_exchange.packing.checking import check_packed
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.packing.rebuild import rebuild
from netchip.methods.smart_exchange.packing.sizes import Size, predicted_size
from netchip.train.saving import aliases_in
from netchip.units import BITS_PER_BYTE

T = TypeVar("T")


class ByName(Mapping[str, T], Generic[T]):
    """Values by name, each loaded when it is asked for."""

    def __init__(self, names: tuple[str, ...], load: Callable[[str], T]) -> None:
        self._names, self._load = dict.fromkeys(names), load

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        return self._load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class CompressedFile:
    """A file that was opened and whose hash was right; tensors are read from it when they are asked for.

    Every method raises `DataError`, which names the file, where it does not hold what it says.
    """

    path: Path
    document: Document
    _dense: tuple[str, ...]
    _tensor: Callable[[str], Tensor]

    @property
    def names(self) -> tuple[str, ...]:
        """All tensors, packed and dense, in the order of their names."""
        return tuple(sorted([*self.document.packed, *self._dense]))

    @property
    def packed(self) -> Mapping[str, Packed]:
        """The packed weights, each checked when it is read."""
        return ByName(tuple(self.document.packed), self._packed)

    @property
    def dense(self) -> Mapping[str, Tensor]:
        """The tensors that are stored as they are."""
        return ByName(self._dense, lambda name: self._tensor(name).clone())

    @property
    def source(self) -> Mapping[str, str]:
        """The metadata of what was compressed."""
        return self.document.source

    @property
    def note(self) -> Mapping[str, Any]:
        """What the writer noted."""
        return self.document.note

    def weight(self, name: str) -> Tensor:
        """The tensor of that name as a network needs it, a packed one rebuilt and its hash compared."""
        if name not in self.document.packed:
            return self.dense[name]
        return self.rebuilt(name, self.packed[name])

    def rebuilt(self, name: str, packed: Packed) -> Tensor:
        """The weight of what `packed` holds under that name, its hash compared."""
        weight = rebuild(packed)
        if weight_hash(name, weight) != self.document.packed[name].sha256:
            raise DataError(
                f"{self.path}: {name!r} is not the weight that was packed: its hash differs; fetch another copy"
            )
        return weight

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors, dense, under all their names: those of tied ones that the source's metadata names too."""
        state = {name: self.weight(name) for name in self.names}
        return state | {name: state[kept] for name, kept in aliases_in(self.source).items() if kept in state}

    def size(self, name: str) -> Size:
        """The bits of a packed weight, by component, as they are stored."""
        size = predicted_size(self.packed[name].counts)
        if self.document.packed[name].coding == "plain":
            return size
        stored = self._tensor(stored_name(name, "codes")).numel() * BITS_PER_BYTE
        return Size(size.codes_bits, size.row_bitmap_bits, size.element_bitmap_bits, size.basis_bits, stored)

    def _packed(self, name: str) -> Packed:
        entry = self.document.packed[name]
        parts = {part: self._tensor(stored_name(name, part)).clone() for part in entry.parts}
        with _naming(self.path, name):
            packed = _put_together(entry, parts)
            check_packed(packed)
            return packed


def is_compressed(path: str | Path) -> bool:
    """Whether `path` is a safetensors file that says it holds packed weights; nothing more is looked at."""
    try:
        with _opened(Path(path)) as file:
            return DOCUMENT_KEY in (file.metadata() or {})
    except DataError:
        return False


def read(path: str | Path) -> CompressedFile:
    """Opens a compressed file and checks it: its structure, its sizes, its hash.

    Nothing is allocated for what it declares: every size must follow from bytes that are there. Raises `DataError`, which names
    the file, for one that is cut short, altered or of another kind; `CheckpointMismatch` for one of a newer version.
    """
    path = Path(path)
    with _naming(path):
        file = _open(path)
        metadata: dict[str, str] = file.metadata() or {}
        text = metadata.get(DOCUMENT_KEY)
        if text is None:
            raise DataError("holds no packed weights: it was not written by `netchip compress`")
        document = Document.from_text(text)
        stored = _stored(file)
        dense = document.dense_names(stored)
        for name, entry in document.packed.items():
            with _naming(name):
                _check_sizes(entry, {part: stored[stored_name(name, part)] for part in entry.parts})
        tensor = _reader(path, file)
        if stored_hash(text, stored, tensor) != metadata.get(HASH_KEY):
            raise DataError("was altered or damaged: its hash is not that of what it holds; fetch another copy")
    return CompressedFile(path, document, dense, tensor)


def _stored(file: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The dtype and shape of each stored tensor, from the header alone."""
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name in file.keys():  # noqa: SIM118 - no mapping
        part = file.get_slice(name)
        found[name] = (part.get_dtype(), tuple(part.get_shape()))
        if found[name][0] not in DTYPES:
            raise DataError(f"{name!r} is of the type {found[name][0]!r}; there are {', '.join(DTYPES)}")
    return found


def _check_sizes(entry: Entry, stored: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
    """Sizes from numbers alone. The row bitmap limits all others: a bit for each row, so a file of n bytes never asks for more
    than 8 n rows."""
    tiling = entry.tiling
    _expect("rows", stored, "U8", (stream_bytes(tiling.real_rows, 1),))
    coefficients = tiling.real_rows * tiling.width
    _expect("codes", stored, "U8", None, at_most=(stream_bytes(coefficients, entry.alphabet.bits),))
    _expect("basis", stored, "I8", None, at_most=(tiling.blocks, tiling.width, tiling.width))
    if entry.zeros == "bitmap":
        _expect("elements", stored, "U8", None, at_most=(stream_bytes(coefficients, 1),))


def _expect(
    part: str,
    stored: Mapping[str, tuple[str, tuple[int, ...]]],
    dtype: str,
    shape: tuple[int, ...] | None,
    *,
    at_most: tuple[int, ...] = (),
) -> None:
    found_dtype, found = stored[part]
    fits = (
        found == shape
        if shape is not None
        else len(found) == len(at_most) and found[0] <= at_most[0] and found[1:] == at_most[1:]
    )
    if found_dtype != dtype or not fits:
        wanted = f"{shape}" if shape is not None else f"at most {at_most}"
        raise DataError(f"its {part} are {found_dtype} {found}, where its shape asks for {dtype} {wanted}")


def _put_together(entry: Entry, parts: Mapping[str, Tensor]) -> Packed:
    codes, rows, elements = parts["codes"], parts["rows"], parts.get("elements")
    if entry.coding == "zlib":
        codes = decoded(codes, stream_bytes(_codes(entry, rows, elements), entry.alphabet.bits))
    return Packed(
        entry.tiling, entry.alphabet, entry.zeros, codes, rows, elements, parts["basis"], entry.scale, entry.dtype
    )


def _codes(entry: Entry, rows: Tensor, elements: Tensor | None) -> int:
    """How many codes there are, by the bits that are set."""
    coefficients = int(unpack_bits(rows, 1, entry.tiling.real_rows).sum()) * entry.tiling.width
    return coefficients if elements is None else int(unpack_bits(elements, 1, coefficients).sum())


def _reader(path: Path, file: Any) -> Callable[[str], Tensor]:
    def tensor(name: str) -> Tensor:
        with _naming(path), _library():
            return file.get_tensor(name)

    return tensor


def _open(path: Path) -> Any:
    if not path.is_file():
        raise DataError("no such file")
    with _library():
        return safe_open(path, framework="pt", device="cpu")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    file = _open(path)
    with file:
        yield file


@contextmanager
def _library() -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise DataError(f"not a whole safetensors file ({error}); fetch another copy") from None


@contextmanager
def _naming(*what: object) -> Iterator[None]:
    """Puts the file, or a tensor in it, before the message of what goes wrong."""
    where = ": ".join(str(each) for each in what)
    try:
        yield
    except CheckpointMismatch as error:
        raise CheckpointMismatch(f"{where}: {error}") from None
    except (ConfigError, DataError) as error:
        already = str(error).startswith(f"{where}: ")
        raise DataError(str(error) if already else f"{where}: {error}") from None
