"""Fixed crops of pictures, and of the ground truth at the same places: pure functions of pictures, size, count and seed."""

from collections.abc import Iterator, Sequence

import numpy as np

from netchip.data.streams import random_words
from netchip.errors import DataError
from netchip.methods.autogan_distiller.images.pictures import Picture, to_values


def fixed_crops(pictures: Sequence[Picture], *, size: int, count: int, seed: int) -> np.ndarray:
    """`count` crops of each picture, uint8 [N, 3, size, size], every place in it equally likely.

    A picture of exactly that size gives itself. Raises `DataError`, naming it, for a picture smaller than a crop.
    """
    found = [
        picture.image[:, row : row + size, column : column + size]
        for picture, row, column in _places(pictures, size, count, seed)
    ]
    return np.stack(found)


class Truths:
    """The ground truth at the places of `fixed_crops`, as targets: float32 values from `low` to `high`.

    Raises `DataError` for a picture without ground truth, or of another scale than the first.
    """

    def __init__(
        self, pictures: Sequence[Picture], *, size: int, count: int, seed: int, low: float = 0.0, high: float = 1.0
    ) -> None:
        scale = truth_scale(pictures)
        side = scale * size
        self._range = low, high
        self._crops = np.stack(
            [
                picture.truth[:, scale * row : scale * row + side, scale * column : scale * column + side]
                for picture, row, column in _places(pictures, size, count, seed)
                if picture.truth is not None
            ]
        )

    def __len__(self) -> int:
        return len(self._crops)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """float32 [len(indices), C, H, W]."""
        return to_values(self._crops[indices], *self._range).numpy()


def truth_scale(pictures: Sequence[Picture]) -> int:
    """How many times larger the ground truth is than the inputs; raises `DataError` where there is none or they differ."""
    scales: set[int] = set()
    for picture in pictures:
        if picture.truth is None:
            raise DataError(
                f"{picture.name} has no ground truth; a teacher without weights is trained on it, so give weights"
            )
        scale = picture.truth.shape[1] // picture.image.shape[1]
        if picture.truth.shape[1:] != tuple(scale * side for side in picture.image.shape[1:]):
            raise DataError(
                f"{picture.name}: its ground truth is {_size(picture.truth)}, no multiple of the input's {_size(picture.image)}"
            )
        scales.add(scale)
    if len(scales) != 1:
        raise DataError(f"the ground truth is {sorted(scales)} times as large as the inputs; it must be one number")
    return scales.pop()


def _places(pictures: Sequence[Picture], size: int, count: int, seed: int) -> Iterator[tuple[Picture, int, int]]:
    for index, picture in enumerate(pictures):
        rows, columns = (side - size + 1 for side in picture.image.shape[1:])
        if min(rows, columns) < 1:
            raise DataError(
                f"{picture.name} is {_size(picture.image)}, smaller than a crop of {size}x{size}; use a smaller crop"
            )
        for place in (random_words(count, seed, index) % np.uint64(rows * columns)).tolist():
            yield picture, place // columns, place % columns


def _size(image: np.ndarray) -> str:
    return f"{image.shape[2]}x{image.shape[1]}"
