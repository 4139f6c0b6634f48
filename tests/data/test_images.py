"""Loaded values check themselves; channel statistics are exact."""

import numpy as np
import pytest

from netchip.data.images import Split, channel_statistics
from netchip.errors import DataError


def test_channel_statistics_equal_numpys() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 5, 7), dtype=np.uint8)
    mean, std = channel_statistics(images)
    scaled = images.astype(np.float64) / 255
    np.testing.assert_allclose(mean, scaled.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, scaled.std(axis=(0, 2, 3)), rtol=1e-12)


def test_a_constant_channel_can_still_be_divided_by() -> None:
    mean, std = channel_statistics(np.full((2, 1, 4, 4), 51, dtype=np.uint8))
    assert mean == pytest.approx((0.2,))
    assert std == (1.0,)


def test_values_that_do_not_fit_are_refused() -> None:
    labels = np.zeros(2, dtype=np.int64)
    with pytest.raises(DataError, match=r"labels must be int64 \[3\], one an image; found int64 \[2\]"):
        Split(np.zeros((3, 1, 4, 4), dtype=np.uint8), labels)
    with pytest.raises(DataError, match=r"uint8 \[N, C, H, W\], found float64"):
        Split(np.zeros((2, 1, 4, 4)), labels)
