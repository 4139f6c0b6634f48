"""From image files to uint8 arrays: any colour mode to RGB, one size, many threads, broken images named."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from netchip.errors import DataError, NetchipWarning

_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
_CHUNK = 128  # images a thread decodes between two hand-overs
_THUMBNAIL = 8192  # bytes of an encoded image
_NAMED = 5  # files that a message names before it says how many more


@dataclass(frozen=True)
class Encoded:
    """An encoded image: `name` is what messages call it, `content` its bytes or the file that holds them."""

    name: str
    content: bytes | Path


@dataclass(frozen=True)
class _Broken:
    name: str
    reason: str


def decode(
    encoded: Sequence[Encoded], *, image_size: int | None, on_broken: Literal["raise", "skip"], workers: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Decodes to RGB: images uint8 [N, 3, H, W], and which of `encoded` they are (int64 [N]).

    With `image_size` an image is scaled (antialiased bicubic) until its shorter side fits, then its centre is taken.
    Raises `DataError` naming a broken image (left out on request: `warn_left_out`), or two images that differ in size
    when no `image_size` is given.
    """
    images, kept = decode_each(encoded, image_size=image_size, on_broken=on_broken, workers=workers)
    _check_sizes(images, [encoded[index].name for index in kept])
    return np.stack(images).transpose(0, 3, 1, 2).copy(), kept


def decode_each(
    encoded: Sequence[Encoded], *, image_size: int | None, on_broken: Literal["raise", "skip"], workers: int = 0
) -> tuple[list[np.ndarray], np.ndarray]:
    """As `decode`, but of any sizes: a list of uint8 [H, W, 3], and which of `encoded` they are (int64 [N])."""
    chunks = [encoded[start : start + _CHUNK] for start in range(0, len(encoded), _CHUNK)]
    with ThreadPoolExecutor(workers or _fastest_workers(encoded)) as threads:
        decoded = threads.map(lambda chunk: [_decode_one(item, image_size) for item in chunk], chunks)
        found = [item for chunk in decoded for item in chunk]
    broken = [item for item in found if isinstance(item, _Broken)]
    if broken and (on_broken == "raise" or len(broken) == len(found)):
        raise DataError(_fault(broken, len(found)))
    kept = np.array([index for index, item in enumerate(found) if not isinstance(item, _Broken)], dtype=np.int64)
    return [item for item in found if not isinstance(item, _Broken)], kept


def warn_left_out(names: list[str], kept: np.ndarray) -> None:
    """Warns (`NetchipWarning`) which of the images called `names` are not among those `kept` (int64 indices)."""
    if len(kept) < len(names):
        left_out = [names[index] for index in np.setdiff1d(np.arange(len(names)), kept)]
        fault = f"{len(left_out)} of {len(names):,} images cannot be read and are left out: {_first(left_out)}"
        warnings.warn(fault, NetchipWarning, stacklevel=2)


def to_rgb(image: Image.Image) -> Image.Image:
    """Any mode to 8-bit RGB: 16-bit values are scaled, transparency is laid over white."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels; save it with 8 or 16 bits a channel")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def fitted(image: Image.Image, size: int) -> Image.Image:
    """The centre square of `image`, scaled to `size` x `size` pixels (antialiased bicubic)."""
    if image.size == (size, size):
        return image
    return ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC)


def resized(images: np.ndarray, size: int, method: Image.Resampling) -> np.ndarray:
    """Square images uint8 [N, C, H, H] scaled to [N, C, size, size], channel by channel, antialiased."""
    if images.shape[2:] == (size, size):
        return images
    planes = [Image.fromarray(plane).resize((size, size), method) for plane in images.reshape(-1, *images.shape[2:])]
    return np.stack([np.asarray(plane) for plane in planes]).reshape(*images.shape[:2], size, size)


def _decode_one(item: Encoded, image_size: int | None) -> "np.ndarray | _Broken":
    try:
        source = io.BytesIO(item.content) if isinstance(item.content, bytes) else item.content
        with Image.open(source) as opened:
            image = to_rgb(ImageOps.exif_transpose(opened))
    except _UNREADABLE as error:
        return _Broken(item.name, str(error).partition(" <_io")[0] or type(error).__name__)
    return np.asarray(image if image_size is None else fitted(image, image_size))


def _fastest_workers(encoded: Sequence[Encoded]) -> int:
    """One thread for thumbnails in memory (Pillow holds the interpreter lock for most of one), else one a core.

    On two cores 5,000 JPEGs of 32x32 take 0.57 s in one thread and 0.89 s in two.
    """
    thumbnails = all(isinstance(item.content, bytes) and len(item.content) < _THUMBNAIL for item in encoded)
    return 1 if thumbnails else os.cpu_count() or 1


def _fault(broken: Sequence[_Broken], total: int) -> str:
    named = _first([f"{item.name} ({item.reason})" for item in broken])
    advice = "Replace or remove them, or leave them out with data.on_broken = 'skip'"
    return f"{len(broken)} of {total:,} images cannot be read: {named}. {advice}"


def _first(names: list[str]) -> str:
    more = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return "; ".join([*names[:_NAMED], *more])


def _check_sizes(images: Sequence[np.ndarray], names: Sequence[str]) -> None:
    for image, name in zip(images, names, strict=True):
        if image.shape != images[0].shape:
            raise DataError(
                f"images differ in size: {names[0]} is {_size(images[0])}, {name} is {_size(image)}; "
                "set data.image_size (such as 32) to bring all to one square size"
            )


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
