"""Augmentation of a whole batch at once; what happens to an image depends on its random word alone."""

from typing import Literal

import numpy as np

Augment = Literal["none", "flip", "crop-flip"]
PADDING = 4  # pixels of black on each side before the random crop (He et al. 2016, section 4.2)


def augmented(images: np.ndarray, words: np.ndarray, augment: Augment) -> np.ndarray:
    """`images` uint8 [B, C, H, W] changed as their `words` (uint64 [B]) say; the same type and shape."""
    if augment == "none":
        return images
    if augment == "crop-flip":
        images = crop(images, *crop_offsets(words))
    return flip(images, flips(words))


def crop_offsets(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (int64 [B], 0..8) at which the padded images are cropped."""
    positions = np.uint64(2 * PADDING + 1)
    rows = (words >> np.uint64(8)) % positions
    columns = (words >> np.uint64(36)) % positions
    return rows.astype(np.int64), columns.astype(np.int64)


def flips(words: np.ndarray) -> np.ndarray:
    """Which images are mirrored (bool [B])."""
    return (words & np.uint64(1)).astype(bool)


def crop(images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Pads uint8 [B, C, H, W] with black and takes the H x W window at each image's row and column."""
    batch, channels, height, width = images.shape
    padded = np.zeros((batch, channels, height + 2 * PADDING, width + 2 * PADDING), dtype=images.dtype)
    padded[:, :, PADDING : PADDING + height, PADDING : PADDING + width] = images
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    return windows[np.arange(batch), :, rows, columns]


def flip(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mirrors left to right the images where `chosen` (bool [B]) is true."""
    flipped = images.copy()
    flipped[chosen] = images[chosen][..., ::-1]
    return flipped
