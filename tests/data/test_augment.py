"""The vectorised augmentation against a per-sample reference, pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.data.augment import PADDING, augmented, crop, crop_offsets, flip, flips
from netchip.data.streams import random_words


def reference_crop(image: np.ndarray, row: int, column: int) -> np.ndarray:
    """One image, the slow and plain way: pixel (y, x) comes from (y + row - 4, x + column - 4), else black."""
    _, height, width = image.shape
    out = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            source_y, source_x = y + row - PADDING, x + column - PADDING
            if 0 <= source_y < height and 0 <= source_x < width:
                out[:, y, x] = image[:, source_y, source_x]
    return out


@given(seed=st.integers(0, 1000), batch=st.integers(1, 5), height=st.integers(4, 9), width=st.integers(4, 9))
@settings(max_examples=25, deadline=None)
def test_crop_and_flip_equal_the_per_sample_reference(seed: int, batch: int, height: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (batch, 3, height, width), dtype=np.uint8)
    words = random_words(batch, seed)
    rows, columns, mirrored = *crop_offsets(words), flips(words)
    expected = []
    for image, row, column, mirror in zip(images, rows, columns, mirrored, strict=True):
        cropped = reference_crop(image, row, column)
        expected.append(cropped[:, :, ::-1] if mirror else cropped)
    np.testing.assert_array_equal(augmented(images, words, "crop-flip"), np.stack(expected))


def test_the_centre_crop_changes_nothing() -> None:
    images = np.arange(2 * 3 * 6 * 6, dtype=np.uint8).reshape(2, 3, 6, 6)
    centre = np.full(2, PADDING)
    np.testing.assert_array_equal(crop(images, centre, centre), images)


def test_flip_mirrors_only_the_chosen_images() -> None:
    images = np.array([[[[1, 2, 3]]], [[[4, 5, 6]]]], dtype=np.uint8)
    np.testing.assert_array_equal(flip(images, np.array([True, False])).reshape(2, 3), [[3, 2, 1], [4, 5, 6]])
    assert images[0, 0, 0, 0] == 1, "the input is left as it was"


def test_offsets_cover_every_position_about_equally_and_flips_are_a_fair_coin() -> None:
    words = random_words(81_000, 3)
    rows, columns = crop_offsets(words)
    counts = np.bincount(rows * 9 + columns, minlength=81)
    assert counts.min() > 850
    assert counts.max() < 1150  # mean 1000, five standard deviations are 158
    assert abs(flips(words).mean() - 0.5) < 0.01
    assert abs(np.corrcoef(flips(words), rows)[0, 1]) < 0.02


@pytest.mark.parametrize("augment", ["none", "flip", "crop-flip"])
def test_type_and_shape_are_kept(augment: str) -> None:
    images = np.zeros((4, 1, 8, 8), dtype=np.uint8)
    changed = augmented(images, random_words(4, 0), augment)  # type: ignore[arg-type]
    assert changed.dtype == np.uint8
    assert changed.shape == images.shape
