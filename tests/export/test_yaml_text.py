"""YAML files: what cannot be read is told in one line, with its place."""

from pathlib import Path

import pytest

from netchip.errors import DataError
from netchip.export.yaml_text import as_yaml, read_yaml


def test_what_was_written_is_read_back_in_its_order(tmp_path: Path) -> None:
    shared = [1, 2]
    value = {"b": {"list": shared, "again": shared}, "a": 1e-07, "text": "O[b]=W[k]", "none": None}
    path = tmp_path / "a.yaml"
    path.write_text(as_yaml(value, note="one\ntwo"))
    assert read_yaml(path) == value
    assert list(read_yaml(path)) == list(value)
    assert path.read_text().startswith("# one\n# two\nb:\n")
    assert "&" not in path.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: [1, 2\nb: 3\n", r"a\.yaml: not YAML, line 2, column 2: expected ',' or '\]'"),
        (b"a: 1\n\tb: 2\n", r"a\.yaml: not YAML, line 2, column 1: found character '\\t'"),
        (b"a: *b\n", r"a\.yaml: not YAML, line 1, column 4: found undefined alias 'b'"),
        (
            b"a: !!python/object:os.system {}\n",
            r"a\.yaml: not YAML, line 1, column 4: could not determine a constructor",
        ),
        (b"\xff\xfe\x00a", r"a\.yaml: not readable as text"),
        (b"\x00", r"a\.yaml: not YAML: .*special characters are not allowed"),
        (b"[" * 5000, r"a\.yaml: (nested too deeply|not YAML)"),
    ],
)
def test_text_that_is_no_yaml_is_told_with_its_place(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text)
    with pytest.raises(DataError, match=message) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.yaml: no such file"):
        read_yaml(tmp_path / "nowhere.yaml")
