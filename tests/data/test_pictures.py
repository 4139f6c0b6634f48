"""Pictures as the input of a network: sizes, normalisation, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netchip.data.pictures import pictures
from netchip.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cats").mkdir()
    for index in range(5):
        pixels = np.random.default_rng(index).integers(0, 256, (20, 30, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "cats" / f"{index}.png")
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_gives_normalised_pictures_of_the_size(folder: Path) -> None:
    found = pictures(str(folder), (3, 16, 16), 3)
    assert found.shape == (3, 3, 16, 16)
    assert found.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert found.std(dim=(0, 2, 3), correction=0).numpy() == pytest.approx(1.0, abs=1e-4)
    assert len(pictures(str(folder), (3, 16, 16), 100)) == 5


def test_digits_are_those_of_the_test_part() -> None:
    assert pictures("digits", (1, 8, 8), 7).shape == (7, 1, 8, 8)


@pytest.mark.parametrize(
    ("source", "size", "words"),
    [
        ("digits", (3, 8, 8), "digits has grey pictures of 8x8, the network takes RGB ones of 8"),
        ("digits", (1, 20, 20), "digits come in sides of 8, 16, 32 pixels; the network takes 20"),
        ("digits", (1, 8), r"takes \[1, 8\]"),
        ("nowhere", (3, 8, 8), "'nowhere' is no folder of images and no data set; known: digits, cifar10"),
    ],
)
def test_what_does_not_fit_is_said(source: str, size: tuple[int, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        pictures(source, size, 4)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no image files"):
        pictures(str(tmp_path), (3, 8, 8), 4)
