"""The teacher's answers to a fixed set of crops, kept on disk in shards: computed once, taken up after any stop."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap

from netchip.files import cache_folder, replacing
from netchip.methods.autogan_distiller.images.pictures import to_values
from netchip.methods.autogan_distiller.teacher.teacher import Teacher

FORMAT = 1
SHARD = 128  # crops a file


class Targets:
    """Answers float16 [N, C, H, W] to N crops; `targets[indices]` reads those at an array of indices."""

    def __init__(self, shards: Sequence[np.ndarray]) -> None:
        self._shards = tuple(shards)

    def __len__(self) -> int:
        return sum(len(shard) for shard in self._shards)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """float32 [len(indices), C, H, W]."""
        found = [self._shards[index // SHARD][index % SHARD] for index in indices.tolist()]
        return np.stack(found).astype(np.float32)


def cached_targets(
    teacher: Teacher,
    crops: np.ndarray,
    *,
    batch_size: int = 16,
    device: str | torch.device = "cpu",
    folder: Path | None = None,
) -> Targets:
    """The teacher's answers to `crops` (uint8 [N, 3, h, w]), read from the cache where they are there.

    A shard of 128 crops is one file, named by the teacher's weights and the crops' pixels, so that a stopped computation goes on
    where it was, a changed teacher or image is asked again, and a file that is cut short is written again. Half precision: the
    answers are kept to within 2^-11 of the range of values.
    """
    place = folder or cache_folder() / "teacher-targets"
    parts = [crops[start : start + SHARD] for start in range(0, len(crops), SHARD)]
    return Targets([_shard(teacher, part, place, batch_size, device) for part in parts])


def _shard(teacher: Teacher, crops: np.ndarray, place: Path, batch_size: int, device: str | torch.device) -> np.ndarray:
    path = place / f"{_key(teacher, crops)}.npy"
    found = _read(path, len(crops))
    if found is not None:
        return found
    with replacing(path) as temporary:
        _write(temporary, teacher, crops, batch_size, device)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _write(path: Path, teacher: Teacher, crops: np.ndarray, batch_size: int, device: str | torch.device) -> None:
    count, _, height, width = crops.shape
    shape = (count, teacher.out_channels, teacher.scale * height, teacher.scale * width)
    file = open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
    for start in range(0, count, batch_size):
        images = to_values(crops[start : start + batch_size], teacher.low, teacher.high).to(device)
        file[start : start + batch_size] = teacher(images).cpu().numpy()
    file.flush()


def _read(path: Path, count: int) -> np.ndarray | None:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if len(found) == count else None


def _key(teacher: Teacher, crops: np.ndarray) -> str:
    digest = hashlib.sha256(repr((FORMAT, teacher.identity, crops.shape)).encode())
    digest.update(np.ascontiguousarray(crops).tobytes())
    return digest.hexdigest()[:24]
