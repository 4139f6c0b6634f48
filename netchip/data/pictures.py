"""A few pictures as the input of any image network: from a data source by name, or from a folder of image files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netchip.data.class_folder import SUFFIXES
from netchip.data.decoding import Encoded, decode
from netchip.data.images import channel_statistics
from netchip.data.loading import load
from netchip.data.spec import DIGIT_SIZES, DatasetSpec
from netchip.errors import DataError

_NAMED = ("digits", "cifar10", "cifar10-small")
_CHANNELS = {1: "grey", 3: "RGB"}


def pictures(source: str, size: Sequence[int], count: int) -> Tensor:
    """`count` pictures, or all where there are fewer: float32 [count, *size], `size` (channels, side, side).

    `source`: digits, cifar10 or cifar10-small (their test part, normalised as in training), or a folder with image files at any
    depth (evenly taken from the sorted list, their centre scaled to the side, normalised with their own mean and deviation).
    Raises `DataError` for another source, and for sizes that it cannot have.
    """
    if len(size) != 3 or size[1] != size[2]:
        raise DataError(f"pictures go into a network of inputs [channels, side, side]; this one takes {list(size)}")
    channels, side, _ = size
    if source in _NAMED:
        images, mean, std = _of_data_set(source, side, count)
    elif Path(source).is_dir():
        images = _of_folder(Path(source), side, count)
        mean, std = channel_statistics(images)
    else:
        raise DataError(f"{source!r} is no folder of images and no data set; known: {', '.join(_NAMED)}")
    if images.shape[1:] != tuple(size):
        found, wanted = (_CHANNELS.get(each, f"{each}-channel") for each in (images.shape[1], channels))
        raise DataError(
            f"{source} has {found} pictures of {images.shape[2]}x{images.shape[3]}, the network takes {wanted} ones of {side}"
        )
    shift, scale = (np.asarray(each, np.float32).reshape(-1, 1, 1) for each in (mean, std))
    return torch.from_numpy((images.astype(np.float32) / 255 - shift) / scale)


def _of_data_set(name: str, side: int, count: int) -> tuple[np.ndarray, tuple[float, ...], tuple[float, ...]]:
    if name == "digits" and side not in DIGIT_SIZES:
        raise DataError(f"digits come in sides of {', '.join(map(str, DIGIT_SIZES))} pixels; the network takes {side}")
    data = load(DatasetSpec(name=name, image_size=side))
    return data.test.images[:count], data.mean, data.std


def _of_folder(folder: Path, side: int, count: int) -> np.ndarray:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise DataError(f"{folder} holds no image files ({', '.join(SUFFIXES)})")
    chosen = [files[place] for place in np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int)]
    images, _ = decode([Encoded(str(path), path) for path in chosen], image_size=side, on_broken="raise")
    return images
