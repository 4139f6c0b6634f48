"""CIFAR-10 (Krizhevsky 2009) from parquet files, from the original binary batches, or from Hugging Face on request."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image

from netchip.data.cache import Arrays, cache_folder, cached_arrays, fingerprint
from netchip.data.decoding import Encoded, decode, resized, warn_left_out
from netchip.data.images import Split
from netchip.data.spec import DatasetSpec
from netchip.errors import DataError, MissingExtra

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
HUB_REPOSITORY = "uoft-cs/cifar10"
HUB_FILES = {part: f"plain_text/{part}-00000-of-00001.parquet" for part in ("train", "test")}
BINARY_FOLDER = "cifar-10-batches-bin"
_BINARY_FILES = {"train": tuple(f"data_batch_{n}.bin" for n in range(1, 6)), "test": ("test_batch.bin",)}
_PARQUET_FILES = ({part: f"{part}.parquet" for part in ("train", "test")}, HUB_FILES)
_PIXELS = 3 * 32 * 32
_FORMATS = (
    "read are train.parquet and test.parquet (columns image: struct<bytes, path>, label), "
    f"or the binary version ({BINARY_FOLDER} with data_batch_1.bin ... test_batch.bin)"
)


@dataclass(frozen=True)
class Cifar10Files:
    """The files of both parts, all parquet or all binary."""

    train: tuple[Path, ...]
    test: tuple[Path, ...]


def read_cifar10(spec: DatasetSpec) -> tuple[Split, Split]:
    """The train and the test part, as given: images uint8 [N, 3, H, W], decoded once and cached.

    Raises `DataError` that says where was looked, and what is wrong with a file that was found.
    """
    files = find_cifar10(spec)
    return _read_part(files.train, spec), _read_part(files.test, spec)


def find_cifar10(spec: DatasetSpec) -> Cifar10Files:
    """The files in `spec.folder`, else in NETCHIP_DATA; downloaded only when `spec.download` says so."""
    environment = os.environ.get("NETCHIP_DATA")
    root = spec.folder or (Path(environment) if environment else None)
    places = [root / name for name in (".", "cifar10", BINARY_FOLDER)] if root else []
    for place in places:
        files = _files_in(place)
        if files:
            return files
    if spec.download:
        return _downloaded()
    if root is None:
        raise DataError(
            "cifar10: no data folder was given. Set data.folder or the environment variable NETCHIP_DATA to the folder "
            f"that holds it ({_FORMATS}), or set data.download to fetch it from Hugging Face"
        )
    raise DataError(_not_found(root, places))


def _files_in(place: Path) -> Cifar10Files | None:
    for names in (_BINARY_FILES, *({part: (name,) for part, name in files.items()} for files in _PARQUET_FILES)):
        files = {part: tuple(place / name for name in names[part]) for part in ("train", "test")}
        if all(path.is_file() for path in (*files["train"], *files["test"])):
            return Cifar10Files(train=files["train"], test=files["test"])
    return None


def _not_found(root: Path, places: Sequence[Path]) -> str:
    if not root.is_dir():
        return f"cifar10: the folder {root} does not exist; correct data.folder (or NETCHIP_DATA)"
    pickled = [place for place in (*places, root / "cifar-10-batches-py") if (place / "data_batch_1").is_file()]
    if pickled:
        return (
            f"cifar10: {pickled[0]} holds the Python version, which is pickled; netchip unpickles nothing. "
            f"R{_FORMATS[1:]}"
        )
    return f"cifar10: {root} holds no CIFAR-10; {_FORMATS}. Or set data.download to fetch it from Hugging Face"


def _downloaded() -> Cifar10Files:
    place = cache_folder() / "downloads" / "cifar10"
    found = _files_in(place)
    if found:
        return found
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise MissingExtra("huggingface_hub", "data", "downloading CIFAR-10") from None
    source = f"huggingface.co/datasets/{HUB_REPOSITORY}"
    try:
        for name in HUB_FILES.values():
            hf_hub_download(HUB_REPOSITORY, name, repo_type="dataset", local_dir=place)
    except Exception as error:  # what its transport raises: requests, httpx or httpx2 by version
        reason = (str(error) or type(error).__name__).splitlines()[0]
        advice = f"Check the network, or put the files in a folder and set data.folder; {_FORMATS}"
        raise DataError(f"cifar10: could not be downloaded from {source} ({reason}). {advice}") from error
    found = _files_in(place)
    if not found:
        raise DataError(f"cifar10: {source} gave other files than {list(HUB_FILES.values())}")
    return found


def _read_part(files: Sequence[Path], spec: DatasetSpec) -> Split:
    key = fingerprint(files, image_size=spec.image_size, on_broken=spec.on_broken)
    arrays = cached_arrays("cifar10", key, lambda: _decoded(files, spec))
    labels, kept = arrays["labels"], arrays["kept"]
    warn_left_out([_row_name(files[0], row) for row in range(len(labels))], kept)
    return Split(arrays["images"], labels[kept])


def _decoded(files: Sequence[Path], spec: DatasetSpec) -> Arrays:
    if files[0].suffix == ".bin":
        images, labels = _binary_rows(files)
        images, kept = resized(images, spec.image_size or 32, Image.Resampling.BICUBIC), np.arange(len(images))
    else:
        encoded, labels = _parquet_rows(files[0])
        images, kept = decode(encoded, image_size=spec.image_size, on_broken=spec.on_broken, workers=spec.workers)
    return {"images": images, "labels": labels, "kept": kept}


def _row_name(path: Path, row: int) -> str:
    return f"{path} row {row}"


def _parquet_rows(path: Path) -> tuple[list[Encoded], np.ndarray]:
    try:
        image = _image_column(path, pyarrow.parquet.read_schema(path))
        table = pyarrow.parquet.read_table(path, columns=[image, "label"])
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: not readable as parquet ({error}); replace it, or take the binary version") from None
    labels = _checked_labels(path, table["label"].fill_null(-1).to_numpy().astype(np.int64))
    contents = table[image].combine_chunks().field("bytes").to_pylist()
    return [Encoded(_row_name(path, row), content or b"") for row, content in enumerate(contents)], labels


def _checked_labels(path: Path, labels: np.ndarray) -> np.ndarray:
    if len(labels) == 0:
        raise DataError(f"{path}: holds no images; replace it with a whole copy")
    wrong = np.flatnonzero((labels < 0) | (labels >= len(CLASSES)))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{path}: row {row} has label {labels[row]}, but CIFAR-10 has the classes 0..{len(CLASSES) - 1}"
        )
    return labels


def _image_column(path: Path, schema: pyarrow.Schema) -> str:
    types = {field.name: field.type for field in schema}
    for name in ("image", "img"):
        if _holds_bytes(types.get(name)) and pyarrow.types.is_integer(types.get("label", pyarrow.null())):
            return name
    found = ", ".join(f"{field.name}: {field.type}" for field in schema)
    raise DataError(f"{path}: needs the columns image: struct<bytes, path> and label: int64; found {found}")


def _holds_bytes(kind: "pyarrow.DataType | None") -> bool:
    return kind is not None and pyarrow.types.is_struct(kind) and "bytes" in [field.name for field in kind]


def _binary_rows(files: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    rows = [_binary_file(path) for path in files]
    records = np.concatenate(rows)
    labels = _checked_labels(files[0].parent, records[:, 0].astype(np.int64))
    return records[:, 1:].reshape(-1, 3, 32, 32).copy(), labels


def _binary_file(path: Path) -> np.ndarray:
    content, record = np.fromfile(path, dtype=np.uint8), 1 + _PIXELS
    if len(content) == 0 or len(content) % record:
        raise DataError(f"{path}: {len(content):,} bytes are no whole number of {record}-byte records; copy it again")
    return content.reshape(-1, record)
