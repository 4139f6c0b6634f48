"""Picture files of any size to arrays: broken and tiny ones named, other colour modes converted with a word about it."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from netchip.data.class_folder import SUFFIXES
from netchip.data.decoding import Encoded, decode_each, warn_left_out
from netchip.errors import DataError, NetchipWarning
from netchip.methods.autogan_distiller.images.pictures import Picture

OnBroken = Literal["raise", "skip"]
_COLOUR_MODES = ("RGB", "YCbCr", "CMYK")


def read_folder(folder: Path, *, least: int, on_broken: OnBroken) -> tuple[Picture, ...]:
    """The pictures in `folder` and its subfolders, by path, each uint8 [3, h, w] with sides of `least` pixels or more.

    Grey pictures become three equal channels, transparency is laid over white; one `NetchipWarning` says so. Raises
    `DataError` for a folder that is missing or holds no pictures, for one that cannot be read or is too small; with
    `on_broken` "skip" these are left out with a warning.
    """
    if not folder.is_dir():
        raise DataError(f"the folder {folder} does not exist; correct the path in images.name = 'folder:{folder}'")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise DataError(f"{folder} holds no pictures; expected files such as {', '.join(SUFFIXES[:4])}")
    return read_files(files, least=least, on_broken=on_broken)


def read_files(files: Sequence[Path], *, least: int, on_broken: OnBroken) -> tuple[Picture, ...]:
    """As `read_folder`, of these files."""
    images, kept = decode_each([Encoded(str(path), path) for path in files], image_size=None, on_broken=on_broken)
    warn_left_out([str(path) for path in files], kept)
    names = [files[index] for index in kept]
    _warn_converted(names)
    pictures = [
        Picture(path.stem, np.ascontiguousarray(image.transpose(2, 0, 1)))
        for path, image in zip(names, images, strict=True)
    ]
    return _large_enough(pictures, least, on_broken)


def _large_enough(pictures: Sequence[Picture], least: int, on_broken: OnBroken) -> tuple[Picture, ...]:
    tiny = [picture for picture in pictures if min(picture.image.shape[1:]) < least]
    large = tuple(picture for picture in pictures if min(picture.image.shape[1:]) >= least)
    if not tiny:
        return large
    named = f"{tiny[0].name} ({tiny[0].image.shape[2]}x{tiny[0].image.shape[1]})"
    fault = f"{len(tiny)} of {len(pictures)} pictures are smaller than a crop of {least}x{least}, such as {named}"
    if on_broken == "raise" or not large:
        raise DataError(f"{fault}; use a smaller images.crop, or leave them out with images.on_broken = 'skip'")
    warnings.warn(f"{fault}; they are left out", NetchipWarning, stacklevel=2)
    return large


def _warn_converted(files: Sequence[Path]) -> None:
    other = [(path, mode) for path in files if (mode := _mode(path)) not in _COLOUR_MODES]
    if other:
        path, mode = other[0]
        warnings.warn(
            f"{len(other)} of {len(files)} pictures are not RGB, such as {path} ({mode}): grey becomes three equal "
            "channels, transparency is laid over white",
            NetchipWarning,
            stacklevel=2,
        )


def _mode(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode
