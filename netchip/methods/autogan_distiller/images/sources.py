"""From an `ImagesSpec` to pictures in three parts, and the usual test sets of super-resolution."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from netchip.data.decoding import Encoded, decode, resized
from netchip.data.photos import photo_names, read_photo, whole_pair
from netchip.errors import ConfigError, DataError
from netchip.methods.autogan_distiller.images.pictures import Picture, Pictures, held_out
from netchip.methods.autogan_distiller.images.reading import read_files, read_folder
from netchip.methods.autogan_distiller.images.spec import ImagesSpec

_VALIDATION_SHARE = 10  # one picture in so many is held out of a folder, for validation and again for a test
_DIV2K_VALIDATION = 10


def load_pictures(spec: ImagesSpec) -> Pictures:
    """Reads the pictures that `spec` names; validation and test pictures are fixed, apart from a run's seed.

    photos: the hold-outs by name. div2k-lr: 90 to train, 10 to validate, Set5 to test, and Set14
    apart from it. facades: its own parts, the label map
    the input and the photo the ground truth. A folder: a tenth to validate, a tenth to test. Raises `DataError`.
    """
    if spec.path is not None:
        return _folder(spec, spec.path)
    return {"photos": _photos, "div2k-lr": _div2k, "facades": _facades}[spec.name](spec)


def super_resolution_set(folder: Path, name: str) -> tuple[Picture, ...]:
    """Set5 or Set14 in `folder`: low-resolution inputs with their ground truth, x4 (files img_NNN_SRF_4_{LR,HR}.png)."""
    place = folder / "super_resolution" / name
    low = sorted(place.glob("img_*_SRF_4_LR.png"))
    if not low:
        raise DataError(f"{place} holds no files img_NNN_SRF_4_LR.png; set images.folder, or NETCHIP_DATA")
    high = [path.with_name(path.name.replace("_LR", "_HR")) for path in low]
    images, truths = (read_files(files, least=1, on_broken="raise") for files in (low, high))
    return tuple(Picture(f"{name}-{a.name[4:7]}", a.image, b.image) for a, b in zip(images, truths, strict=True))


def data_folder(spec: ImagesSpec) -> Path:
    """Where named data lie: `images.folder`, else NETCHIP_DATA; raises `DataError` where neither names a folder."""
    folder = spec.folder or (Path(found) if (found := os.environ.get("NETCHIP_DATA")) else None)
    if folder is None or not folder.is_dir():
        raise DataError(
            f"images.name = {spec.name!r} needs the data folder, found {folder}; set images.folder, or NETCHIP_DATA"
        )
    return folder


def _photos(spec: ImagesSpec) -> Pictures:
    parts = (tuple(_photo(name, spec.scale) for name in photo_names(part)) for part in ("train", "validation", "test"))
    train, validation, test = parts
    return Pictures("photos", train, validation, test)


def _photo(name: str, scale: int) -> Picture:
    low, high = whole_pair(read_photo(name), scale)
    return Picture(name, np.ascontiguousarray(low), np.ascontiguousarray(high))


def _div2k(spec: ImagesSpec) -> Pictures:
    folder = data_folder(spec)
    pictures = read_folder(folder / "super_resolution" / "DIV2K_LR", least=spec.crop, on_broken=spec.on_broken)
    train, validation = held_out(pictures, _DIV2K_VALIDATION)
    tests = {name: super_resolution_set(folder, name) for name in ("Set5", "Set14")}
    return Pictures("div2k-lr", train, validation, tests["Set5"], {"set14": tests["Set14"]})


def _facades(spec: ImagesSpec) -> Pictures:
    if spec.image_size is None or spec.image_size < spec.crop:
        raise ConfigError(
            f"images.image_size = {spec.image_size}: facades are scaled to one size; set one of {spec.crop} (images.crop) or more"
        )
    folder = data_folder(spec) / "translation" / "facades"
    train, validation, test = (_facade_part(folder / part, spec) for part in ("train", "val", "test"))
    return Pictures("facades", train, validation, test)


def _facade_part(folder: Path, spec: ImagesSpec) -> tuple[Picture, ...]:
    """512x256 files: the photo on the left half, the label map on the right."""
    files = sorted(folder.glob("*.jpg"))
    if not files:
        raise DataError(f"{folder} holds no pictures *.jpg; set images.folder, or NETCHIP_DATA")
    encoded = [Encoded(str(path), path) for path in files]
    whole, kept = decode(encoded, image_size=None, on_broken=spec.on_broken)
    size = spec.image_size or spec.crop
    photo, labels = (_scaled(half, size) for half in np.split(whole, 2, axis=3))
    return tuple(Picture(files[i].stem, labels[k], photo[k]) for k, i in enumerate(kept))


def _scaled(images: np.ndarray, size: int) -> np.ndarray:
    return resized(np.ascontiguousarray(images), size, Image.Resampling.BICUBIC)


def _folder(spec: ImagesSpec, folder: Path) -> Pictures:
    pictures = read_folder(folder, least=spec.crop, on_broken=spec.on_broken)
    count = max(1, len(pictures) // _VALIDATION_SHARE)
    rest, test = held_out(pictures, count)
    train, validation = held_out(rest, count)
    return Pictures(folder.name, train, validation, test)
