"""A run's folder: `<root>/<method>/<experiment>-<8 hex of the config>/seed-<n>/`. No torch is imported here in a
single process.

The seed names its own folder, so it is left out of the hash, as are the fields that cannot change a result.
"""

import contextlib
import os
import shutil
import socket
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self, cast

from netchip.errors import CheckpointMismatch, DataError, NetchipWarning, RequestError
from netchip.files import read_json, refusal, write_json
from netchip.spec import Spec, config_hash
from netchip.train.environment import describe_environment
from netchip.version import __version__

FORMAT = 1
CONFIG_FILE, ENVIRONMENT_FILE, RESULT_FILE, LOCK_FILE = "config.json", "environment.json", "result.json", "run.lock"


@dataclass(frozen=True)
class SavedRun:
    """What `config.json` of a run folder says: enough to go on with it."""

    path: Path
    method: str
    experiment: str
    version: str
    seed: int
    config_hash: str
    config: dict[str, Any]


class RunDir:
    """A folder that one process (or one group of `torchrun`) works in.

        with RunDir.open("runs", "early-bird", "digits", config, seed=1) as rundir:
            if rundir.result() is None:
                fit(phase, loader, epochs=20, folder=rundir.phase("train"), config_hash=rundir.config_hash)
                rundir.finish({"headline": "..."})

    Under several processes rank 0 makes, locks and writes it, the others read along.
    """

    def __init__(
        self, path: Path, *, method: str, experiment: str, seed: int, config_hash: str, lock: IO[str] | None
    ) -> None:
        self.path, self.method, self.experiment, self.seed, self.config_hash = (
            path,
            method,
            experiment,
            seed,
            config_hash,
        )
        self._lock = lock

    @classmethod
    def open(
        cls, root: str | Path, method: str, experiment: str, config: Spec, seed: int, *, fresh: bool = False
    ) -> Self:
        """Makes the folder of this run, or takes it up when it is there; `fresh` empties it first.

        Raises `CheckpointMismatch` when it holds a finished run of another netchip version, `RequestError` when another
        process works in it, `CheckpointError` when the disk refuses.
        """
        path = run_path(root, method, experiment, config, seed)
        saved = config.model_dump(mode="json")
        return cls._enter(
            SavedRun(path, method, experiment, __version__, seed, run_config_hash(config), saved), fresh=fresh
        )

    @classmethod
    def reopen(cls, path: str | Path) -> Self:
        """Takes up the run in `path` under the configuration saved there (see `read_run`)."""
        return cls._enter(read_run(path), fresh=False)

    @classmethod
    def _enter(cls, run: SavedRun, *, fresh: bool) -> Self:
        lock = _take(run, fresh=fresh) if is_main() else None
        _everyone_here()
        return cls(
            run.path,
            method=run.method,
            experiment=run.experiment,
            seed=run.seed,
            config_hash=run.config_hash,
            lock=lock,
        )

    def phase(self, name: str) -> Path:
        """The folder of the phase `name`, for `fit`."""
        return self.path / name

    def result(self) -> dict[str, Any] | None:
        """The content of result.json; None while the run is unfinished."""
        return saved_result(self.path)

    @property
    def status(self) -> str:
        """ "done" or "unfinished"."""
        return "unfinished" if self.result() is None else "done"

    def finish(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Writes result.json, the last file of a run: `result` with the run's names, version, hash and seed; returns
        it all.
        """
        names = {
            "format": FORMAT,
            "method": self.method,
            "experiment": self.experiment,
            "version": __version__,
            "config_hash": self.config_hash,
            "seed": self.seed,
            "status": "done",
        }
        whole = names | {name: value for name, value in result.items() if name not in names}
        if is_main():
            write_json(self.path / RESULT_FILE, whole)
        _everyone_here()
        return whole

    def close(self) -> None:
        """Lets another process in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Lets another process in; what was refused before it began leaves no folder."""
        if isinstance(error, RequestError) and is_main():
            _forget(self.path)
        self.close()


def run_path(root: str | Path, method: str, experiment: str, config: Spec, seed: int) -> Path:
    """Where below `root` the run of `config` has its folder, whether it is there or not."""
    return Path(root) / method / f"{experiment}-{run_config_hash(config)}" / f"seed-{seed}"


def run_config_hash(config: Spec) -> str:
    """The 8 hex digits in a run's folder name: those of `config` with its top-level `seed`, if any, at its default."""
    field = type(config).model_fields.get("seed")
    return config_hash(config if field is None else config.model_copy(update={"seed": field.get_default()}))


def read_run(path: str | Path) -> SavedRun:
    """What config.json in `path` says. Raises `DataError` when there is none or it is no run's, `CheckpointMismatch`
    for a newer format.
    """
    path = Path(path)
    saved = read_json(path / CONFIG_FILE)
    wanted = {"format", "method", "experiment", "version", "seed", "config_hash", "config"}
    if not isinstance(saved, dict) or not wanted <= cast(dict[str, Any], saved).keys():
        raise DataError(
            f"{path / CONFIG_FILE}: not of a netchip run; name a run's folder, such as runs/METHOD/NAME-HASH/seed-1"
        )
    found = cast(dict[str, Any], saved)
    if found["format"] != FORMAT:
        raise CheckpointMismatch(
            f"{path / CONFIG_FILE}: has format {found['format']}, this version of netchip reads {FORMAT}"
        )
    names = {name: str(found[name]) for name in ("method", "experiment", "version", "config_hash")}
    return SavedRun(path=path, seed=int(found["seed"]), config=dict(found["config"]), **names)


def saved_result(path: str | Path) -> dict[str, Any] | None:
    """The result.json of the run in `path`; None while it is unfinished. Raises `DataError` for a damaged one."""
    file = Path(path) / RESULT_FILE
    if not file.is_file():
        return None
    result = read_json(file)
    if not isinstance(result, dict):
        raise DataError(f"{file}: not a result; delete it and run again")
    return cast(dict[str, Any], result)


def _take(run: SavedRun, *, fresh: bool) -> IO[str]:
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        lock = _locked(run.path / LOCK_FILE)
    except OSError as error:
        raise refusal(run.path, error) from None
    try:
        if fresh:
            _empty(run.path)
        elif (run.path / CONFIG_FILE).is_file():
            _check_version(run.path)
        if not (run.path / RESULT_FILE).is_file():
            _describe(run)
    except BaseException:
        lock.close()
        raise
    return lock


def _describe(run: SavedRun) -> None:
    config = {
        "format": FORMAT,
        "method": run.method,
        "experiment": run.experiment,
        "version": __version__,
        "seed": run.seed,
        "config_hash": run.config_hash,
        "config": run.config,
    }
    write_json(run.path / CONFIG_FILE, config)
    write_json(run.path / ENVIRONMENT_FILE, describe_environment())


def _check_version(path: Path) -> None:
    """Refuses a finished run of another version, warns of an unfinished one."""
    result, version = saved_result(path), read_run(path).version
    if result is not None and result.get("version") != __version__:
        raise CheckpointMismatch(
            f"{path}: holds a finished run of netchip {result.get('version')}, this is {__version__}; add --fresh "
            "to run it again (the old result is deleted), or give another --out"
        )
    if result is None and version != __version__:
        warnings.warn(
            f"{path}: was begun with netchip {version} and goes on with {__version__}; --fresh starts it again",
            NetchipWarning,
            stacklevel=5,
        )


def _locked(file: Path) -> IO[str]:
    """The open lock file; the operating system lets go of it when its process ends, however it ends."""
    import fcntl  # not on Windows; a run there needs WSL

    handle = file.open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        owner = handle.read().strip() or "an unknown process"
        handle.close()
        raise RequestError(f"{file.parent}: {owner} works in this run; wait for it, or stop it and run again") from None
    handle.truncate(0)
    handle.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    handle.flush()
    return handle


def _empty(path: Path) -> None:
    """Deletes what is in the folder, result first and without the lock."""
    (path / RESULT_FILE).unlink(missing_ok=True)
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != LOCK_FILE:
            entry.unlink()


def _forget(path: Path) -> None:
    """Deletes the folder of a run that has nothing but its description, and the folders above that are empty then."""
    described = {CONFIG_FILE, ENVIRONMENT_FILE, LOCK_FILE}
    with contextlib.suppress(OSError):
        if {entry.name for entry in path.iterdir()} <= described:
            for name in described:
                (path / name).unlink(missing_ok=True)
            for folder in (path, path.parent, path.parent.parent):
                folder.rmdir()


def is_main() -> bool:
    """Whether this process speaks for its group (always, outside of torchrun); asked of the launcher, without torch."""
    return int(os.environ.get("RANK", "0")) == 0


def _everyone_here() -> None:
    """Waits until every process of the group is here, so that none reads what rank 0 has yet to delete or write."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from netchip.train.distributed import broadcast_object

        broadcast_object(None)
