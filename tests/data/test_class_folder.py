"""Class folders: what is read, how missing parts are held out, and every bad folder by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netchip.data.class_folder import read_class_folder
from netchip.data.images import Split
from netchip.data.spec import DatasetSpec
from netchip.errors import DataError, NetchipWarning


def fill(folder: Path, **classes: int) -> Path:
    """Writes `count` distinct 8x8 images a class; the red value is the class, the green one the number."""
    for value, (name, count) in enumerate(classes.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (8, 8), (value, number, 0)).save(folder / name / f"{number:03}.png")
    return folder


def spec_of(folder: Path, **settings: object) -> DatasetSpec:
    return DatasetSpec.parse({"name": f"folder:{folder}", **settings})


def read(folder: Path, **settings: object) -> tuple[tuple[str, ...], list[Split]]:
    return read_class_folder(folder, spec_of(folder, **settings))


def test_plain_class_folders_are_split_60_20_20(tmp_path: Path) -> None:
    classes, parts = read(fill(tmp_path / "d", cat=10, dog=20))
    assert classes == ("cat", "dog")
    assert [np.bincount(part.labels).tolist() for part in parts] == [[6, 12], [2, 4], [2, 4]]
    for part in parts:
        np.testing.assert_array_equal(part.images[:, 0, 0, 0], part.labels)
    pictures = np.concatenate([part.images[:, :2, 0, 0] for part in parts])
    assert len(np.unique(pictures, axis=0)) == 30, "no image is in two parts"


def test_named_parts_are_taken_as_given(tmp_path: Path) -> None:
    for name, count in {"train": 5, "val": 2, "test": 3}.items():
        fill(tmp_path / name, a=count, b=count)
    _, parts = read(tmp_path)
    assert [len(part) for part in parts] == [10, 4, 6]


@pytest.mark.parametrize(("present", "sizes"), [("val", [16, 4, 4]), ("test", [16, 4, 4])])
def test_a_part_that_is_missing_is_held_out_of_train(tmp_path: Path, present: str, sizes: list[int]) -> None:
    fill(tmp_path / "train", a=10, b=10)
    fill(tmp_path / present, a=2, b=2)
    assert [len(part) for part in read(tmp_path)[1]] == sizes


def test_hidden_and_other_files_are_left_alone(tmp_path: Path) -> None:
    folder = fill(tmp_path / "d", a=5, b=5)
    (folder / "a" / "notes.txt").write_text("x")
    (folder / "a" / "._001.png").write_text("x")
    (folder / ".cache").mkdir()
    (folder / "README.md").write_text("x")
    assert sum(len(part) for part in read(folder)[1]) == 10


def test_a_changed_image_is_seen(tmp_path: Path) -> None:
    folder = fill(tmp_path / "d", a=5, b=5)
    before = np.concatenate([part.images for part in read(folder)[1]])
    Image.new("RGB", (8, 8), (250, 250, 250)).save(folder / "a" / "000.png")
    after = np.concatenate([part.images for part in read(folder)[1]])
    assert before.max() < 250 == after.max()


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere does not exist; correct the path in data\.name"):
        read(tmp_path / "nowhere")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no images in class folders; expected PATH/<class>/<images>"):
        read(tmp_path)


def test_a_class_with_too_few_images_or_none(tmp_path: Path) -> None:
    folder = fill(tmp_path / "d", cat=2, dog=9)
    (folder / "empty").mkdir()
    with pytest.raises(
        DataError, match=r"too few images to split into 3 parts: cat \(2\), empty \(0\); each class needs"
    ):
        read(folder)


def test_one_broken_image_is_named_or_skipped(tmp_path: Path) -> None:
    folder = fill(tmp_path / "d", a=5, b=6)
    (folder / "b" / "003.png").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"b/003\.png"):
        read(folder)
    with pytest.warns(NetchipWarning, match=r"b/003\.png"):
        _, parts = read(folder, on_broken="skip")
    assert sum(len(part) for part in parts) == 10


def test_a_skipped_image_is_named_at_every_load(tmp_path: Path) -> None:
    folder = fill(tmp_path / "d", a=5, b=6)
    (folder / "b" / "003.png").write_bytes(b"broken")
    for _ in range(2):
        with pytest.warns(NetchipWarning, match=r"b/003\.png"):
            read(folder, on_broken="skip")


def test_parts_with_other_classes(tmp_path: Path) -> None:
    fill(tmp_path / "train", a=5, b=5)
    fill(tmp_path / "test", a=5, c=5)
    with pytest.raises(DataError, match=r"test has classes that the train folder has not: c \(known: a, b\)"):
        read(tmp_path)


def test_test_without_train(tmp_path: Path) -> None:
    fill(tmp_path / "test", a=5)
    with pytest.raises(DataError, match="no folder 'train'"):
        read(tmp_path)
