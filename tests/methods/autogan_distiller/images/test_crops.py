import numpy as np
import pytest

from netchip.errors import DataError
from netchip.methods.autogan_distiller.images.crops import Truths, fixed_crops, truth_scale
from netchip.methods.autogan_distiller.images.pictures import Picture


def some_crops(count: int = 10, size: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


def pair(name: str, size: int, scale: int = 2) -> Picture:
    image = some_crops(1, size)[0]
    return Picture(name, image, image.repeat(scale, axis=1).repeat(scale, axis=2))


def test_crops_are_fixed_and_a_picture_of_their_size_gives_itself() -> None:
    small = Picture("small", some_crops(1, 8)[0])
    large = Picture("large", some_crops(1, 16)[0])
    found = fixed_crops([small, large], size=8, count=3, seed=1)
    assert found.shape == (6, 3, 8, 8)
    assert all(np.array_equal(crop, small.image) for crop in found[:3])
    assert np.array_equal(found, fixed_crops([small, large], size=8, count=3, seed=1))
    assert not np.array_equal(found, fixed_crops([small, large], size=8, count=3, seed=2))


def test_a_picture_smaller_than_a_crop_is_named() -> None:
    with pytest.raises(DataError, match="tiny is 8x8, smaller than a crop of 9x9; use a smaller crop"):
        fixed_crops([Picture("tiny", some_crops(1, 8)[0])], size=9, count=1, seed=1)


def test_the_truth_is_that_of_the_same_place() -> None:
    pictures = [pair("a", 8), pair("b", 20)]
    inputs = fixed_crops(pictures, size=8, count=4, seed=3)
    truths = Truths(pictures, size=8, count=4, seed=3)
    assert len(truths) == len(inputs) == 8
    expected = (inputs / 255).astype(np.float32).repeat(2, axis=2).repeat(2, axis=3)
    assert np.allclose(truths[np.arange(8)], expected, atol=1e-6)
    signed = Truths(pictures, size=8, count=4, seed=3, low=-1.0)
    assert np.allclose(signed[np.array([2])], 2 * expected[2:3] - 1, atol=1e-6)


def test_truths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="alone has no ground truth; a teacher without weights is trained on it"):
        truth_scale([Picture("alone", some_crops(1, 8)[0])])
    odd = Picture("odd", some_crops(1, 8)[0], some_crops(1, 12)[0])
    with pytest.raises(DataError, match="odd: its ground truth is 12x12, no multiple of the input's 8x8"):
        truth_scale([odd])
    with pytest.raises(DataError, match=r"the ground truth is \[1, 2\] times as large"):
        truth_scale([pair("a", 8), pair("b", 8, scale=1)])
