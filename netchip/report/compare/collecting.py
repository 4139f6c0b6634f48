"""The runs at some paths: folders of runs are walked, and what cannot be shown is named."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netchip.errors import DataError
from netchip.report.record import RunRecord, read_run

_DEPTH = 8
_RESULT = "result.json"
_OF_A_RUN = frozenset({"config.json", "environment.json"})


@dataclass(frozen=True)
class Collected:
    """The runs, and (folder, why) of what was found below a path and is not among them."""

    runs: tuple[RunRecord, ...]
    left_out: tuple[tuple[Path, str], ...] = ()


def collect(paths: Sequence[Path]) -> Collected:
    """The finished runs at the paths: run folders, or folders with some below them, each run once.

    Below a path, unfinished and broken runs are left out and named. Raises `DataError` for a path that holds no run, for one
    that is itself a broken run, and where nothing is left.
    """
    runs: dict[Path, RunRecord] = {}
    left_out: dict[Path, str] = {}
    for path in map(Path, paths):
        for folder in _found(path):
            if folder.resolve() not in runs:
                try:
                    runs[folder.resolve()] = _read(folder)
                except DataError as error:
                    if folder == path:
                        raise
                    left_out[folder] = str(error)
    if not runs:
        raise DataError("; ".join(left_out.values()) or "a report needs at least one run folder")
    return Collected(tuple(runs.values()), tuple(left_out.items()))


def run_folders(path: Path) -> Iterator[Path]:
    """The run folders at or below `path`, finished or not, in the order of their names; hidden folders are passed over."""
    for place, folders, files in os.walk(path):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if _RESULT in files or set(files) >= _OF_A_RUN:
            folders.clear()
            yield here
        elif len(here.relative_to(path).parts) >= _DEPTH:
            folders.clear()


def _found(path: Path) -> list[Path]:
    if not path.is_dir():
        raise DataError(f"{path}: {'not a folder' if path.exists() else 'no such folder'}; give the folder of a run")
    found = list(run_folders(path))
    if not found:
        raise DataError(f"{path}: no result.json: no run is in there; give a run's folder, or one with runs below it")
    return found


def _read(folder: Path) -> RunRecord:
    if not (folder / _RESULT).is_file():
        raise DataError(f"{folder}: no {_RESULT}: the run is not finished; `netchip resume {folder}` goes on with it")
    return read_run(folder)
