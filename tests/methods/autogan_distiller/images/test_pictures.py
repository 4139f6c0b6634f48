import numpy as np
import pytest
import torch

from netchip.errors import DataError
from netchip.methods.autogan_distiller.images.pictures import Picture, halves, held_out, to_pixels, to_values


def pictures(count: int) -> tuple[Picture, ...]:
    return tuple(Picture(str(index), np.zeros((3, 8, 8), np.uint8)) for index in range(count))


@pytest.mark.parametrize("count", [2, 3, 10])
def test_halves_are_disjoint_whole_and_always_the_same(count: int) -> None:
    first, second = halves(pictures(count))
    names = [picture.name for picture in (*first, *second)]
    assert sorted(names, key=int) == [str(index) for index in range(count)]
    assert abs(len(first) - len(second)) <= 1
    again = halves(pictures(count))
    assert [p.name for p in again[0]] == [p.name for p in first]


def test_held_out_pictures_are_not_trained_on() -> None:
    rest, held = held_out(pictures(10), 3)
    assert (len(rest), len(held)) == (7, 3)
    assert not {p.name for p in rest} & {p.name for p in held}


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="1 training picture: the search needs two at least"):
        halves(pictures(1))
    with pytest.raises(DataError, match="3 pictures: 3 are held out to validate on, which leaves none"):
        held_out(pictures(3), 3)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0)])
def test_pixels_go_to_values_and_back(low: float, high: float) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    values = to_values(pixels, low, high)
    assert (float(values.min()), float(values.max())) == pytest.approx((low, high))
    assert np.array_equal(to_pixels(values, low, high).numpy(), pixels)


def test_values_outside_the_range_are_clipped() -> None:
    assert to_pixels(torch.tensor([-0.5, 1.5, 0.5]), 0.0, 1.0).tolist() == [0, 255, 128]
