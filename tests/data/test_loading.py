"""`load`: the splits that every figure rests on, pinned."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from netchip.data.loading import cifar10_indices, load
from netchip.data.spec import DatasetSpec
from netchip.data.splits import hold_out
from netchip.errors import DataError

DIGITS_HASHES = ["7c68d17858766494", "ce8f87464038f973", "5402a959446a8488"]
CIFAR_HASHES = {
    "cifar10": ["2564471d413e3d74", "4b60590979fcbc4b", "9e1c19b3fdc18541"],
    "cifar10-small": ["e696793f61a2c199", "6bd2d2949f1a158b", "cbc2daf52174c414"],
}


def digest(indices: np.ndarray) -> str:
    return hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()[:16]


def test_the_digits_split_is_pinned() -> None:
    labels = load_digits().target
    split = hold_out(labels)
    assert [digest(part) for part in split] == DIGITS_HASHES
    data = load(DatasetSpec())
    assert [len(part) for part in (data.train, data.validation, data.test)] == [1079, 359, 359]
    for part, indices in zip((data.train, data.validation, data.test), split, strict=True):
        np.testing.assert_array_equal(part.labels, labels[indices])
    assert data.image_shape == (1, 8, 8)
    assert len(data.classes) == 10
    assert data.mean[0] == pytest.approx(data.train.images.mean() / 255, rel=1e-9)


def test_the_split_is_the_same_at_every_size() -> None:
    small, large = load(DatasetSpec()), load(DatasetSpec(image_size=16))
    np.testing.assert_array_equal(small.test.labels, large.test.labels)
    assert large.image_shape == (1, 16, 16)


@pytest.mark.parametrize("name", ["cifar10", "cifar10-small"])
def test_the_cifar10_splits_are_pinned(shared_data: Path, name: str) -> None:
    train, test = (
        pq.read_table(shared_data / "cifar10" / f"{part}.parquet", columns=["label"])["label"].to_numpy()
        for part in ("train", "test")
    )
    split = cifar10_indices(name, train, test)
    assert [digest(part) for part in split] == CIFAR_HASHES[name]
    assert not set(split[0]) & set(split[1]), "validation is held out of train"
    sizes = [45_000, 5_000, 10_000] if name == "cifar10" else [10_000, 2_000, 2_000]
    assert [len(part) for part in split] == sizes
    for part, labels in zip(split, (train, train, test), strict=True):
        assert np.bincount(labels[part]).tolist() == [len(part) // 10] * 10


@pytest.mark.slow
def test_cifar10_small_is_part_of_cifar10_and_is_cached(shared_data: Path) -> None:
    data = load(DatasetSpec(name="cifar10-small", folder=shared_data))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [10_000, 2_000, 2_000]
    whole = load(DatasetSpec(name="cifar10", folder=shared_data))
    pictures = {image.tobytes() for image in whole.train.images}
    assert all(image.tobytes() in pictures for image in data.train.images[::50])
    assert data.image_shape == (3, 32, 32)
    assert data.mean == pytest.approx((0.4914, 0.4822, 0.4465), abs=0.005)
    assert data.std == pytest.approx((0.247, 0.2435, 0.2616), abs=0.005)


def test_a_cifar10_that_is_too_small_for_its_splits(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    row = {"bytes": (tmp_path / "a.png").read_bytes(), "path": None}
    for part in ("train", "test"):
        pq.write_table(pa.table({"image": [row] * 10, "label": list(range(10))}), tmp_path / f"{part}.parquet")
    with pytest.raises(DataError, match="found 10 train and 10 test images, too few for its splits"):
        load(DatasetSpec(name="cifar10", folder=tmp_path))


def test_photos_are_no_class_set() -> None:
    with pytest.raises(DataError, match=r"pictures without classes.*netchip\.data\.photos"):
        load(DatasetSpec(name="photos"))


def test_class_folders_load(tmp_path: Path) -> None:
    for value, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        for number in range(5):
            Image.new("RGB", (9, 9), (value, number, 0)).save(tmp_path / name / f"{number}.png")
    data = load(DatasetSpec(name=f"folder:{tmp_path}", image_size=8))
    assert data.classes == ("a", "b")
    assert data.image_shape == (3, 8, 8)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [6, 2, 2]


def test_named_parts_of_different_shapes_need_an_image_size(tmp_path: Path) -> None:
    for part, size in (("train", 8), ("val", 8), ("test", 10)):
        (tmp_path / part / "a").mkdir(parents=True)
        Image.new("RGB", (size, size)).save(tmp_path / part / "a" / "0.png")
    with pytest.raises(DataError, match=r"parts have images of different shapes.*set data\.image_size"):
        load(DatasetSpec(name=f"folder:{tmp_path}"))
