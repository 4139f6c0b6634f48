"""The colour photos that come with scikit-image and scikit-learn: crops and low / high pairs, with fixed hold-outs.

Nothing is downloaded and nothing is copied into netchip. Licences as their packages state them, per photo, below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

import numpy as np
import torch
from PIL import Image

from netchip.data.streams import random_words
from netchip.errors import ConfigError, DataError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Photo:
    """One picture: its package and file, its licence there, and the part that it belongs to for good."""

    name: str
    package: str
    file: str
    part: Part
    licence: str


PHOTOS = (
    Photo("astronaut", "skimage.data", "astronaut.png", "train", "public domain (NASA)"),
    Photo("rocket", "skimage.data", "rocket.jpg", "train", "public domain (SpaceX)"),
    Photo("hubble_deep_field", "skimage.data", "hubble_deep_field.jpg", "train", "public domain (NASA)"),
    Photo("immunohistochemistry", "skimage.data", "ihc.png", "train", "no known copyright restrictions (CMMI)"),
    Photo("retina", "skimage.data", "retina.jpg", "train", "CC0 1.0 (M. Häggström)"),
    Photo("china", "sklearn.datasets.images", "china.jpg", "train", "CC BY 2.0 (dany13)"),
    Photo("chelsea", "skimage.data", "chelsea.png", "validation", "CC0 (S. van der Walt)"),
    Photo("coffee", "skimage.data", "coffee.png", "test", "CC0 (R. Michetti)"),
    Photo("flower", "sklearn.datasets.images", "flower.jpg", "test", "CC BY 2.0 (val.pl)"),
)


def photo_names(part: Part) -> tuple[str, ...]:
    """The names of a part's photos; validation and test are never trained on."""
    if part not in PARTS:
        raise ConfigError(f"photos have no part {part!r}; known: {', '.join(PARTS)}")
    return tuple(photo.name for photo in PHOTOS if photo.part == part)


def read_photo(name: str) -> np.ndarray:
    """A photo as uint8 [3, H, W]; raises `DataError` for an unknown name, or when its package came without the file."""
    found = next((photo for photo in PHOTOS if photo.name == name), None)
    if found is None:
        raise DataError(f"no photo {name!r}; known: {', '.join(photo.name for photo in PHOTOS)}")
    try:
        with resources.files(found.package).joinpath(found.file).open("rb") as file, Image.open(file) as image:
            return np.asarray(image.convert("RGB")).transpose(2, 0, 1).copy()
    except (OSError, ModuleNotFoundError) as error:
        fault = f"photo {name!r}: {found.file} is not in the installed {found.package} ({error})"
        raise DataError(f"{fault}; reinstall scikit-image and scikit-learn") from None


def read_photos(part: Part) -> list[np.ndarray]:
    """All photos of a part, each uint8 [3, H, W]."""
    return [read_photo(name) for name in photo_names(part)]


def crops(images: Sequence[np.ndarray], *, size: int, count: int, seed: int, step: int = 0) -> np.ndarray:
    """`count` random crops, uint8 [count, C, size, size]: a pure function of (seed, step).

    `images` are uint8 [C, H, W]; every possible crop position of all images is equally likely. Raises `ConfigError`
    when an image is smaller than `size`.
    """
    _check_crop(images, size, count)
    heights = np.array([image.shape[1] - size + 1 for image in images], dtype=np.uint64)
    widths = np.array([image.shape[2] - size + 1 for image in images], dtype=np.uint64)
    ends = np.cumsum(heights * widths)
    positions = random_words(count, seed, step) % ends[-1]
    chosen = np.searchsorted(ends, positions, side="right")
    offsets = positions - (ends - heights * widths)[chosen]
    rows, columns = offsets // widths[chosen], offsets % widths[chosen]
    windows = [np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(1, 2)) for image in images]
    return np.stack([windows[i][:, row, column] for i, row, column in zip(chosen, rows, columns, strict=True)])


def downscaled(images: np.ndarray, factor: int) -> np.ndarray:
    """uint8 [B, C, H, W] made `factor` times smaller: antialiased bicubic (a = -0.5, as Matlab's and Pillow's).

    Raises `ConfigError` when a side is not a multiple of `factor`.
    """
    height, width = images.shape[-2:]
    if factor < 1 or height % factor or width % factor:
        raise ConfigError(
            f"images of {width}x{height} cannot be made {factor} times smaller; both sides must divide by it"
        )
    pixels = torch.from_numpy(np.ascontiguousarray(images)).float()
    size = (height // factor, width // factor)
    small = torch.nn.functional.interpolate(pixels, size=size, mode="bicubic", antialias=True, align_corners=False)
    return small.round_().clamp_(0, 255).to(torch.uint8).numpy()


def pairs(
    images: Sequence[np.ndarray], *, factor: int, size: int, count: int, seed: int, step: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Training pairs: low uint8 [count, C, size / factor, size / factor] and high uint8 [count, C, size, size]."""
    high = crops(images, size=size, count=count, seed=seed, step=step)
    return downscaled(high, factor), high


def whole_pair(image: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """An evaluation pair of a whole image uint8 [C, H, W]: (low, high), high cut to sides that divide by `factor`."""
    if factor < 1 or min(image.shape[1:]) < factor:
        raise ConfigError(f"an image of {image.shape[2]}x{image.shape[1]} cannot be made {factor} times smaller")
    height, width = (side - side % factor for side in image.shape[1:])
    high = image[:, :height, :width]
    return downscaled(high[None], factor)[0], high


def _check_crop(images: Sequence[np.ndarray], size: int, count: int) -> None:
    if not images or size < 1 or count < 1:
        raise ConfigError(f"{count} crops of {size}x{size} from {len(images)} images: each number must be at least 1")
    smallest = min(min(image.shape[1:]) for image in images)
    if size > smallest:
        raise ConfigError(f"crops of {size}x{size} do not fit: the smallest side of an image is {smallest}")
