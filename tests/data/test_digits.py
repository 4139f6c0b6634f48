"""The embedded digits: count, range, and the upscale."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from netchip.data.digits import read_digits


def test_digits_are_scikit_learns_scaled_to_bytes() -> None:
    split = read_digits(None)
    assert split.images.shape == (1797, 1, 8, 8)
    source = load_digits()
    np.testing.assert_array_equal(np.rint(split.images[:, 0] * (16 / 255)), source.images)
    np.testing.assert_array_equal(split.labels, source.target)
    assert split.images.max() == 255


@pytest.mark.parametrize("size", [8, 16, 32])
def test_an_upscale_keeps_the_mean_brightness(size: int) -> None:
    split = read_digits(size)
    assert split.images.shape == (1797, 1, size, size)
    assert split.images.mean() == pytest.approx(read_digits(8).images.mean(), rel=0.02)
