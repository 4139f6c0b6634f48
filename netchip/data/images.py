"""The loaded values: labelled images in three parts, and the statistics that normalise them."""

from dataclasses import dataclass

import numpy as np

from netchip.errors import DataError


@dataclass(frozen=True, eq=False)
class Split:
    """Images uint8 [N, C, H, W] with labels int64 [N]; raises `DataError` when they do not fit together."""

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            raise DataError(f"images must be uint8 [N, C, H, W], found {self.images.dtype} {list(self.images.shape)}")
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype != np.int64:
            found = f"{self.labels.dtype} {list(self.labels.shape)}"
            raise DataError(f"labels must be int64 [{len(self.images)}], one an image; found {found}")

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indices: np.ndarray) -> "Split":
        """The images at `indices` (int64), in that order."""
        return Split(np.ascontiguousarray(self.images[indices]), self.labels[indices])


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageClasses:
    """A classification set. `mean` and `std` are a channel's, of the train part, with pixels scaled to [0, 1]."""

    name: str
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        _, channels, height, width = self.train.images.shape
        return channels, height, width


def channel_statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation a channel of uint8 [N, C, H, W], pixels scaled to [0, 1]; exact, from histograms.

    A channel of one constant value gets standard deviation 1, so that it can be divided by.
    """
    levels = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = np.bincount(images[:, channel].ravel(), minlength=256)
        mean = float((counts * levels).sum() / counts.sum())
        means.append(mean)
        deviations.append(float(np.sqrt((counts * (levels - mean) ** 2).sum() / counts.sum())) or 1.0)
    return tuple(means), tuple(deviations)
