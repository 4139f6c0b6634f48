"""Files are whole or not there: the one before survives whatever happens to the next."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from netchip import files
from netchip.errors import CheckpointError, DataError
from netchip.files import read_json, read_value, replacing, write_atomic, write_json


def test_text_bytes_and_json_in_new_folders(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b" / "text", "grüße")
    write_atomic(tmp_path / "bytes", b"\x00\xff")
    write_json(tmp_path / "value.json", {"b": 1, "a": [None, 0.5]})
    assert (tmp_path / "a" / "b" / "text").read_bytes() == "grüße".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"
    assert list(read_json(tmp_path / "value.json").items()) == [("b", 1), ("a", [None, 0.5])]


def test_nothing_but_the_file_is_left(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", "first")
    write_atomic(tmp_path / "file", "second")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "second"


def stop_half_way(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
        raise ValueError("stopped half-way")


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")
    with pytest.raises(ValueError, match="stopped half-way"):
        stop_half_way(path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_full_disk_keeps_the_old_file_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "checkpoint.pt"
    write_atomic(path, "old")
    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(
        CheckpointError, match=r"checkpoint\.pt: the disk is full.*previous file, if any, is kept.*resumes"
    ):
        write_atomic(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_another_refusal_of_the_disk_names_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CheckpointError, match=r"inside: could not be written \(.*\); the previous file"):
        write_atomic(tmp_path / "file" / "inside", "text")


def test_what_was_flushed_is_what_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda handle: (order.append("fsync"), fsync(handle)))
    monkeypatch.setattr(files.os, "replace", lambda *paths: (order.append("replace"), replace(*paths)))
    write_atomic(tmp_path / "file", "text")
    assert order.index("fsync") < order.index("replace")


def test_json_holds_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "value.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.json: no such file"):
        read_json(tmp_path / "gone.json")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for name in ("broken.json", "binary.json", "."):
        with pytest.raises(DataError, match="not readable as JSON"):
            read_json(tmp_path / name)


def test_a_value_is_read_or_refused_with_its_file(tmp_path: Path) -> None:
    def half(data: dict[str, int]) -> int:
        if data["value"] % 2:
            raise DataError("it is odd")
        return data["value"] // 2

    path = tmp_path / "number.json"
    for content, message in (("[]", "this is not a number, but list"), ('{"value": 3}', "it is odd")):
        path.write_text(content)
        with pytest.raises(DataError, match=rf"number\.json: {message}"):
            read_value(path, half, "a number")
    path.write_text('{"value": 4}')
    assert read_value(path, half, "a number") == 2
