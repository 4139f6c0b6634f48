"""From a `DatasetSpec` to labelled images in three parts that no run's seed can change."""

from collections.abc import Sequence

import numpy as np

from netchip.data.cifar10 import CLASSES as CIFAR10_CLASSES
from netchip.data.cifar10 import read_cifar10
from netchip.data.class_folder import read_class_folder
from netchip.data.digits import CLASSES as DIGIT_CLASSES
from netchip.data.digits import read_digits
from netchip.data.images import ImageClasses, Split, channel_statistics
from netchip.data.spec import DatasetSpec
from netchip.data.splits import hold_out, take
from netchip.errors import DataError

CIFAR10_VALIDATION = 5_000
SMALL_SIZES = (10_000, 2_000, 2_000)  # train, validation, test of cifar10-small


def load(spec: DatasetSpec) -> ImageClasses:
    """Reads, decodes (once: cached) and splits the data that `spec` names.

    digits 60/20/20; cifar10 45,000/5,000 of train, test as given; cifar10-small 10,000/2,000/2,000 of those; class
    folders 60/20/20 where no val and test folders are given. Split seed 0, stratified. Raises `DataError`.
    """
    if spec.name == "photos":
        raise DataError(
            "'photos' are pictures without classes, so they cannot be loaded as a classification set; use them through "
            "netchip.data.photos (arrays, crops, low/high pairs), or ask for digits, cifar10 or folder:PATH"
        )
    if spec.class_folder is not None:
        classes, parts = read_class_folder(spec.class_folder, spec)
        return _finished(spec, classes, parts)
    if spec.name == "digits":
        return _finished(spec, DIGIT_CLASSES, _digits(spec))
    return _finished(spec, CIFAR10_CLASSES, _cifar10(spec))


def _digits(spec: DatasetSpec) -> list[Split]:
    whole = read_digits(spec.image_size)
    return [whole.chosen(indices) for indices in hold_out(whole.labels)]


def _cifar10(spec: DatasetSpec) -> list[Split]:
    train, test = read_cifar10(spec)
    _check_sizes(spec.name, len(train), len(test))
    chosen_train, chosen_validation, chosen_test = cifar10_indices(spec.name, train.labels, test.labels)
    return [train.chosen(chosen_train), train.chosen(chosen_validation), test.chosen(chosen_test)]


def cifar10_indices(name: str, train_labels: np.ndarray, test_labels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Where the train, validation (both in CIFAR-10's train part) and test images of `name` are (int64 each)."""
    validation, train = take(train_labels, CIFAR10_VALIDATION)
    if name == "cifar10":
        return train, validation, np.arange(len(test_labels))
    small_train, small_validation, small_test = SMALL_SIZES
    return (
        train[take(train_labels[train], small_train)[0]],
        validation[take(train_labels[validation], small_validation)[0]],
        take(test_labels, small_test)[0],
    )


def _check_sizes(name: str, train: int, test: int) -> None:
    needed = SMALL_SIZES[0] + CIFAR10_VALIDATION if name == "cifar10-small" else 2 * CIFAR10_VALIDATION
    if train < needed or (name == "cifar10-small" and test < SMALL_SIZES[2]):
        found = f"found {train:,} train and {test:,} test images"
        raise DataError(f"{name}: {found}, too few for its splits; the whole of CIFAR-10 has 50,000 and 10,000")


def _finished(spec: DatasetSpec, classes: Sequence[str], parts: Sequence[Split]) -> ImageClasses:
    train, validation, test = parts
    shapes = {part.images.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise DataError(f"{spec.name}: the parts have images of different shapes {sorted(shapes)}; set data.image_size")
    mean, std = channel_statistics(train.images)
    return ImageClasses(
        name=spec.name, classes=tuple(classes), train=train, validation=validation, test=test, mean=mean, std=std
    )
