"""CIFAR-10 in each form that is read, small and made here; every bad folder and file by name."""

import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from netchip.data.cifar10 import HUB_FILES, find_cifar10, read_cifar10
from netchip.data.spec import DatasetSpec
from netchip.errors import DataError, MissingExtra, NetchipWarning

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
LABELS = np.arange(12, dtype=np.int64) % 10


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(stream, format="PNG")
    return stream.getvalue()


def write_parquet(path: Path, labels: Sequence[int | None] = tuple(LABELS), column: str = "image") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"bytes": png(image), "path": None} for image in IMAGES[: len(labels)]]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({column: pa.array(rows, kind), "label": pa.array(list(labels), pa.int64())}), path)


def write_binary(folder: Path) -> None:
    folder.mkdir(parents=True)
    records = np.concatenate([LABELS[:, None].astype(np.uint8), IMAGES.reshape(12, -1)], axis=1)
    for n in range(1, 6):
        (folder / f"data_batch_{n}.bin").write_bytes(records[2 * (n - 1) : 2 * n].tobytes())
    (folder / "test_batch.bin").write_bytes(records[10:].tobytes())


def spec_of(folder: Path | None, **settings: object) -> DatasetSpec:
    return DatasetSpec.parse({"name": "cifar10", "folder": folder, **settings})


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    for part in ("train", "test"):
        write_parquet(tmp_path / "cifar10" / f"{part}.parquet")
    return tmp_path / "cifar10"


def test_parquet_is_read_from_its_folder_its_parent_and_the_environment(
    parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (parquet, parquet.parent):
        train, test = read_cifar10(spec_of(folder))
        np.testing.assert_array_equal(train.images, IMAGES)
        np.testing.assert_array_equal(test.labels, LABELS)
    monkeypatch.setenv("NETCHIP_DATA", str(parquet.parent))
    assert find_cifar10(spec_of(None)).train == (parquet / "train.parquet",)


def test_the_hugging_face_layout_is_read(tmp_path: Path) -> None:
    for name in HUB_FILES.values():
        write_parquet(tmp_path / name, column="img")
    np.testing.assert_array_equal(read_cifar10(spec_of(tmp_path))[0].images, IMAGES)


def test_binary_batches_are_read_in_order(tmp_path: Path) -> None:
    write_binary(tmp_path / "cifar-10-batches-bin")
    train, test = read_cifar10(spec_of(tmp_path))
    np.testing.assert_array_equal(train.images, IMAGES[:10])
    np.testing.assert_array_equal(train.labels, LABELS[:10])
    np.testing.assert_array_equal(test.images, IMAGES[10:])
    assert read_cifar10(spec_of(tmp_path, image_size=16))[0].images.shape == (10, 3, 16, 16)


def test_no_folder_at_all() -> None:
    with pytest.raises(
        DataError, match=r"no data folder was given\. Set data\.folder or .*NETCHIP_DATA.*data\.download"
    ):
        read_cifar10(spec_of(None))


def test_a_missing_or_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone does not exist; correct data\.folder"):
        read_cifar10(spec_of(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"holds no CIFAR-10; read are train\.parquet"):
        read_cifar10(spec_of(tmp_path))


def test_pickled_batches_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    for folder in (tmp_path, tmp_path / "cifar-10-batches-py"):
        with pytest.raises(DataError, match=r"cifar-10-batches-py holds .*netchip unpickles nothing\. Read are"):
            read_cifar10(spec_of(folder))


def test_bad_parquet_files(parquet: Path) -> None:
    train = parquet / "train.parquet"
    pq.write_table(pa.table({"pixels": [1], "label": [0]}), train)
    with pytest.raises(DataError, match=r"train\.parquet: needs the columns image.*found pixels: int64, label: int64"):
        read_cifar10(spec_of(parquet))
    train.write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match=r"train\.parquet: not readable as parquet"):
        read_cifar10(spec_of(parquet))
    write_parquet(train, labels=[0, 1, 10])
    with pytest.raises(DataError, match=r"row 2 has label 10, but CIFAR-10 has the classes 0\.\.9"):
        read_cifar10(spec_of(parquet))
    write_parquet(train, labels=[0, None])
    with pytest.raises(DataError, match="row 1 has label -1"):
        read_cifar10(spec_of(parquet))
    write_parquet(train, labels=[])
    with pytest.raises(DataError, match="holds no images"):
        read_cifar10(spec_of(parquet))


def test_a_broken_row_is_named_or_skipped_with_its_label(parquet: Path) -> None:
    rows = [{"bytes": png(image), "path": None} for image in IMAGES[:4]]
    rows[1]["bytes"] = b"broken"
    pq.write_table(pa.table({"image": rows, "label": [0, 1, 2, 3]}), parquet / "train.parquet")
    with pytest.raises(DataError, match=r"train\.parquet row 1"):
        read_cifar10(spec_of(parquet))
    for _ in range(2):  # decoded, then from the cache
        with pytest.warns(NetchipWarning, match=r"1 of 4 images .*train\.parquet row 1"):
            train, _ = read_cifar10(spec_of(parquet, on_broken="skip"))
        assert train.labels.tolist() == [0, 2, 3]
        np.testing.assert_array_equal(train.images, IMAGES[[0, 2, 3]])


def test_a_cut_off_binary_batch(tmp_path: Path) -> None:
    write_binary(tmp_path / "b")
    (tmp_path / "b" / "data_batch_2.bin").write_bytes(b"123")
    with pytest.raises(DataError, match=r"data_batch_2\.bin: 3 bytes are no whole number of 3073-byte records"):
        read_cifar10(spec_of(tmp_path / "b"))


def test_a_download_only_on_request_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path))
    asked: list[str] = []

    def fetch(repository: str, name: str, *, repo_type: str, local_dir: Path) -> None:
        asked.append(f"{repo_type}/{repository}/{name}")
        write_parquet(Path(local_dir) / name, column="img")

    monkeypatch.setattr(hub, "hf_hub_download", fetch)
    with pytest.raises(DataError, match="no data folder"):
        read_cifar10(spec_of(None))
    for _ in range(2):
        train, _ = read_cifar10(spec_of(None, download=True))
        np.testing.assert_array_equal(train.images, IMAGES)
    assert asked == [f"dataset/uoft-cs/cifar10/{name}" for name in HUB_FILES.values()]


def test_a_download_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path))

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(hub, "hf_hub_download", unreachable)
    with pytest.raises(DataError, match=r"could not be downloaded .*\(Name or service not known\)\. Check the network"):
        read_cifar10(spec_of(None, download=True))


def test_a_download_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"pip install 'netchip\[data\]'"):
        read_cifar10(spec_of(None, download=True))
