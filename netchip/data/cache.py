"""Decoded arrays kept on disk: memory-mapped when they are there and whole, built again when they are not."""

import hashlib
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from netchip.errors import CheckpointError, DataError, NetchipWarning
from netchip.files import cache_folder, read_json, replacing, write_json

CACHE_FORMAT = 1  # raise it when decoding changes what an array holds

Arrays = dict[str, np.ndarray]


def fingerprint(files: Iterable[Path], **settings: object) -> str:
    """A key that changes with the name, size or time of a source file, a setting, or the cache format."""
    digest = hashlib.sha256(repr((CACHE_FORMAT, sorted(settings.items()))).encode())
    for path in files:
        found = path.stat()
        digest.update(f"{path.parent.name}/{path.name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def cached_arrays(name: str, key: str, build: Callable[[], Arrays]) -> Arrays:
    """The arrays that `build` makes, from the cache when it holds them whole (read-only, memory-mapped).

    A damaged or partial cache is built again. A cache that cannot be written is a warning, not an error.
    """
    stem = cache_folder() / "data" / f"{name}-{key}"
    found = _read(stem)
    if found is not None:
        return found
    built = build()
    try:
        _write(stem, built)
    except (CheckpointError, OSError) as error:
        message = f"decoded images are not cached, so they are decoded again next time: {error}"
        warnings.warn(message, NetchipWarning, stacklevel=2)
        return built
    return _read(stem) or built


def _read(stem: Path) -> Arrays | None:
    try:
        sums = read_json(stem.with_name(f"{stem.name}.json"))
        arrays = {name: np.load(_array_path(stem, name), mmap_mode="r", allow_pickle=False) for name in sums}
    except (DataError, OSError, ValueError, EOFError, TypeError):
        return None
    whole = all(_checksum(array) == sums[name] for name, array in arrays.items())
    return arrays if whole else None


def _write(stem: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """The arrays first and their sums last, so that a half-written cache is never taken for a whole one."""
    for name, array in arrays.items():
        with replacing(_array_path(stem, name)) as temporary, open(temporary, "wb") as file:
            np.save(file, array, allow_pickle=False)
    write_json(stem.with_name(f"{stem.name}.json"), {name: _checksum(array) for name, array in arrays.items()})


def _array_path(stem: Path, name: str) -> Path:
    return stem.with_name(f"{stem.name}.{name}.npy")


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).data)
