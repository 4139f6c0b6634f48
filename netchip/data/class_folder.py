"""Images in class folders: PATH/<class>/*.png, or PATH/{train,val,test}/<class>/*.png."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netchip.data.cache import Arrays, cached_arrays, fingerprint
from netchip.data.decoding import Encoded, decode, warn_left_out
from netchip.data.images import Split
from netchip.data.spec import DatasetSpec
from netchip.data.splits import hold_out
from netchip.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
_PART_NAMES = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
_LAYOUT = "expected PATH/<class>/<images>, or PATH/train/<class>/<images> with val and test beside it"


@dataclass(frozen=True)
class _Listing:
    """The image files of one part and the class of each."""

    files: tuple[Path, ...]
    labels: np.ndarray


def read_class_folder(root: Path, spec: DatasetSpec) -> tuple[tuple[str, ...], list[Split]]:
    """Class names (sorted) and the train, validation and test part; a part without a folder is 20 % of each class.

    Raises `DataError` for a folder that is missing, empty or has too few images, or parts whose classes differ.
    """
    if not root.is_dir():
        raise DataError(f"the folder {root} does not exist; correct the path in data.name = 'folder:{root}'")
    folders = {part: _part_folder(root, names) for part, names in _PART_NAMES.items()}
    train = folders["train"] or root
    if folders["train"] is None and (folders["validation"] or folders["test"]):
        raise DataError(f"{root} has a validation or test folder but no folder 'train'; {_LAYOUT}")
    classes = tuple(path.name for path in _subfolders(train))
    whole = _read(train, classes, spec)
    named = [_read(folder, classes, spec) if folder else None for folder in (folders["validation"], folders["test"])]
    return classes, _completed(whole, named, classes, train)


def _completed(whole: Split, named: Sequence[Split | None], classes: Sequence[str], folder: Path) -> list[Split]:
    """Train, validation, test; those that are not named are held out of `whole`."""
    missing = sum(split is None for split in named)
    if missing == 0:
        return [whole, *(split for split in named if split is not None)]
    _check_counts(whole.labels, classes, folder, missing + 1)
    train, *held = [whole.chosen(indices) for indices in hold_out(whole.labels, missing)]
    return [train, *(held.pop(0) if split is None else split for split in named)]


def _part_folder(root: Path, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read(folder: Path, classes: Sequence[str], spec: DatasetSpec) -> Split:
    listing = _list(folder, classes)
    settings = {"image_size": spec.image_size, "on_broken": spec.on_broken, "classes": tuple(classes)}
    key = fingerprint(listing.files, folder=str(folder.resolve()), **settings)
    arrays = cached_arrays("folder", key, lambda: _decoded(listing, spec))
    warn_left_out([str(path) for path in listing.files], arrays["kept"])
    return Split(arrays["images"], listing.labels[arrays["kept"]])


def _list(folder: Path, classes: Sequence[str]) -> _Listing:
    found = _subfolders(folder)
    unknown = [path.name for path in found if path.name not in classes]
    if unknown:
        names = f"{', '.join(unknown)} (known: {', '.join(classes)})"
        raise DataError(f"{folder} has classes that the train folder has not: {names}; rename or remove them")
    pairs = [(path, classes.index(sub.name)) for sub in found for path in sorted(sub.iterdir()) if _is_image(path)]
    if not pairs:
        raise DataError(f"{folder} holds no images in class folders; {_LAYOUT}, as {', '.join(SUFFIXES)}")
    files, labels = zip(*pairs, strict=True)
    return _Listing(files, np.array(labels, dtype=np.int64))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _decoded(listing: _Listing, spec: DatasetSpec) -> Arrays:
    encoded = [Encoded(str(path), path) for path in listing.files]
    images, kept = decode(encoded, image_size=spec.image_size, on_broken=spec.on_broken, workers=spec.workers)
    return {"images": images, "kept": kept}


def _check_counts(labels: np.ndarray, classes: Sequence[str], folder: Path, needed: int) -> None:
    counts = np.bincount(labels, minlength=len(classes))
    few = [f"{name} ({count})" for name, count in zip(classes, counts, strict=True) if count < needed]
    if few:
        raise DataError(
            f"{folder}: too few images to split into {needed} parts: {', '.join(few)}; "
            f"each class needs at least {needed}. Add images, remove the class, or give train, val and test folders"
        )
