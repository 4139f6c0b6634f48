"""Files that are whole or not there: written under a temporary name, flushed to disk, then renamed."""

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from netchip.errors import CheckpointError, DataError

T = TypeVar("T")


def cache_folder() -> Path:
    """The folder of caches: the environment variable NETCHIP_CACHE, else runs/.cache."""
    return Path(os.environ.get("NETCHIP_CACHE") or Path("runs") / ".cache")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on success it is flushed and renamed over `path`, else removed.

    Raises `CheckpointError` when the disk refuses the write; what `path` held before is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise refusal(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # the folder itself may be what is wrong; the error above says so
            temporary.unlink(missing_ok=True)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Writes `content` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON (keys in the order given, no NaN), whole or not at all."""
    write_atomic(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON value in `path`; raises `DataError` that names the file when it is missing or not JSON."""
    try:
        return json.loads(Path(path).read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: not readable as JSON ({error})") from None


def read_value(path: Path, parse: Callable[[dict[str, Any]], T], what: str) -> T:
    """What `parse` makes of the JSON object in `path`; raises `DataError`, which names the file, where it is not `what`."""
    data = read_json(path)
    if not isinstance(data, dict):
        raise DataError(f"{path}: this is not {what}, but {type(data).__name__}")
    try:
        return parse(cast("dict[str, Any]", data))
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _flush(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def refusal(path: Path, error: OSError) -> CheckpointError:
    """What to raise where the disk refused to write `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CheckpointError(
            f"{path}: the disk is full, so it was not written; the previous file, if any, is kept. "
            "Free some space and run the same command again: it resumes."
        )
    return CheckpointError(
        f"{path}: could not be written ({error.strerror or error}); the previous file, if any, is kept"
    )
