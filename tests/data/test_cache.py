"""The cache: built once, memory-mapped, rebuilt when damaged, never in the way."""

import os
from pathlib import Path

import numpy as np
import pytest

from netchip.data.cache import Arrays, cache_folder, cached_arrays, fingerprint
from netchip.errors import NetchipWarning


class Builder:
    """Counts how often the arrays are made."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Arrays:
        self.calls += 1
        return {"images": np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2), "labels": np.array([3, 4])}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


def test_arrays_are_built_once_and_mapped_afterwards(cache: Path) -> None:
    build = Builder()
    for _ in range(3):
        found = cached_arrays("toy", "k", build)
        np.testing.assert_array_equal(found["images"], build()["images"])
        assert isinstance(found["images"], np.memmap)
        build.calls -= 1
    assert build.calls == 1
    assert not list(cache.glob("*.tmp"))


@pytest.mark.parametrize("damage", ["truncate", "one byte", "remove", "sums", "sums of another kind", "not npy"])
def test_a_damaged_cache_is_built_again(cache: Path, damage: str) -> None:
    build = Builder()
    cached_arrays("toy", "k", build)
    images, sums = cache / "toy-k.images.npy", cache / "toy-k.json"
    content = images.read_bytes()
    {
        "truncate": lambda: images.write_bytes(content[:-5]),
        "one byte": lambda: images.write_bytes(content[:-1] + b"\xff"),
        "remove": images.unlink,
        "sums": lambda: sums.write_text("{"),
        "sums of another kind": lambda: sums.write_text("3"),
        "not npy": lambda: images.write_bytes(b"nothing"),
    }[damage]()
    found = cached_arrays("toy", "k", build)
    assert build.calls == 2
    assert images.read_bytes() == content
    np.testing.assert_array_equal(found["labels"], [3, 4])


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path / "file"))
    with pytest.warns(NetchipWarning, match="decoded images are not cached"):
        found = cached_arrays("toy", "k", Builder())
    np.testing.assert_array_equal(found["labels"], [3, 4])


def test_the_key_follows_files_and_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"123")
    first = fingerprint([path], image_size=8)
    assert first == fingerprint([path], image_size=8)
    assert first != fingerprint([path], image_size=16)
    os.utime(path, ns=(1, 1))
    touched = fingerprint([path], image_size=8)
    assert touched != first
    path.write_bytes(b"1234")
    os.utime(path, ns=(1, 1))
    assert fingerprint([path], image_size=8) != touched


def test_without_the_environment_it_lies_under_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETCHIP_CACHE")
    assert cache_folder() == Path("runs/.cache")
