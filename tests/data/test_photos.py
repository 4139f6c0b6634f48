"""The bundled photos: hold-outs that do not move, crops that repeat, and low / high pairs."""

import numpy as np
import pytest
from PIL import Image

from netchip.data.photos import (
    PHOTOS,
    Photo,
    crops,
    downscaled,
    pairs,
    photo_names,
    read_photo,
    read_photos,
    whole_pair,
)
from netchip.errors import ConfigError, DataError


def test_hold_outs_are_fixed_by_name() -> None:
    assert photo_names("validation") == ("chelsea",)
    assert photo_names("test") == ("coffee", "flower")
    assert len(photo_names("train")) == 6
    with pytest.raises(ConfigError, match="no part 'holdout'; known: train, validation, test"):
        photo_names("holdout")  # type: ignore[arg-type]


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda photo: photo.name)
def test_every_photo_is_there_with_its_licence(photo: Photo) -> None:
    image = read_photo(photo.name)
    assert image.dtype == np.uint8
    assert image.shape[0] == 3
    assert min(image.shape[1:]) >= 300
    assert image.std() > 20
    assert photo.licence


def test_an_unknown_photo_names_the_known() -> None:
    with pytest.raises(DataError, match="no photo 'lena'; known: astronaut, rocket"):
        read_photo("lena")


def test_crops_are_windows_of_the_images_and_repeat() -> None:
    ramps = [np.arange(3 * h * w).reshape(3, h, w).astype(np.uint8) for h, w in ((9, 7), (8, 12))]
    found = crops(ramps, size=6, count=40, seed=1)
    windows = {
        image[:, y : y + 6, x : x + 6].tobytes()
        for image in ramps
        for y in range(image.shape[1] - 5)
        for x in range(image.shape[2] - 5)
    }
    assert found.shape == (40, 3, 6, 6)
    assert all(crop.tobytes() in windows for crop in found)
    np.testing.assert_array_equal(found, crops(ramps, size=6, count=40, seed=1))
    assert (found != crops(ramps, size=6, count=40, seed=1, step=1)).any()
    assert (found != crops(ramps, size=6, count=40, seed=2)).any()


def test_every_crop_position_of_all_images_is_equally_likely() -> None:
    images = [np.full((1, 4, 4), 0, dtype=np.uint8), np.arange(1, 9, dtype=np.uint8).reshape(1, 2, 4)]
    values = crops(images, size=1, count=24_000, seed=0).ravel()
    counts = np.bincount(values, minlength=9)
    assert abs(counts[0] - 16_000) < 400  # 16 of 24 positions
    assert np.abs(counts[1:] - 1_000).max() < 160


def test_downscaling_is_antialiased_bicubic_as_pillows() -> None:
    image = read_photo("chelsea")[:, :96, :128]
    expected = Image.fromarray(image.transpose(1, 2, 0)).resize((32, 24), Image.Resampling.BICUBIC)
    found = downscaled(image[None], 4)[0].transpose(1, 2, 0)
    assert np.abs(found.astype(int) - np.asarray(expected).astype(int)).max() <= 1


def test_pairs_fit_together() -> None:
    low, high = pairs(read_photos("validation"), factor=4, size=64, count=5, seed=3)
    assert (low.shape, high.shape) == ((5, 3, 16, 16), (5, 3, 64, 64))
    np.testing.assert_array_equal(low, downscaled(high, 4))
    low, high = whole_pair(read_photo("flower"), 4)
    assert (low.shape, high.shape) == ((3, 106, 160), (3, 424, 640))


def test_requests_that_do_not_fit() -> None:
    image = np.zeros((3, 10, 12), dtype=np.uint8)
    with pytest.raises(ConfigError, match="crops of 11x11 do not fit: the smallest side of an image is 10"):
        crops([image], size=11, count=1, seed=0)
    with pytest.raises(ConfigError, match="0 crops of 4x4 from 1 images"):
        crops([image], size=4, count=0, seed=0)
    with pytest.raises(ConfigError, match="images of 12x10 cannot be made 4 times smaller"):
        downscaled(image[None], 4)
    with pytest.raises(ConfigError, match="cannot be made 20 times smaller"):
        whole_pair(image, 20)
