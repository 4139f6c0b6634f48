"""Trials on a Ray cluster whose machines share the run folders. Lost workers are told as such; the sweep tries again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from netchip.compose.sweep.process import last_words, launch
from netchip.compose.sweep.workers import Ended, Job
from netchip.errors import MissingExtra, RequestError, first_line


class RayWorkers:
    """All trials are handed to Ray at once, which runs as many as it has room for; each takes `threads` CPUs.

    `address`: "auto" for the cluster that this machine is part of, "local" for one that is started here, or HOST:PORT.
    Raises `MissingExtra` without ray, `RequestError` where there is no cluster.
    """

    def __init__(self, address: str, *, threads: int = 1) -> None:
        self._ray, self.slots = _ray(), 1_000_000
        own = {"include_dashboard": False} if address == "local" else {}
        try:
            self._ray.init(address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True, **own)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise RequestError(
                f"--ray {address}: no cluster answers there ({first_line(error)}); `ray start --head` makes one of this machine"
            ) from None
        self._task = self._ray.remote(num_cpus=threads, max_retries=0)(_carried)
        self._threads = threads
        self._running: dict[Any, str] = {}

    def start(self, job: Job) -> None:
        """Hands it to the cluster."""
        self._running[self._task.remote(job, self._threads)] = job.name

    def wait(self) -> Ended:
        """Waits for the next task that ends."""
        [reference], _ = self._ray.wait(list(self._running), num_returns=1)
        name = self._running.pop(reference)
        try:
            code, told = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return Ended(name, 1, first_line(error.cause))
        except self._ray.exceptions.RayError as error:
            return Ended(name, None, f"its worker was lost ({type(error).__name__})")
        return Ended(name, code, told)

    def stop(self) -> None:
        """Ends the tasks; what runs goes on from its last checkpoint."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()


def _carried(job: Job, threads: int) -> tuple[int, str]:
    """On a worker: the exit code of the job, and its last words. A folder that this machine does not have is left out."""
    folder = job.folder if job.folder.is_dir() else Path.cwd()
    code = launch(replace(job, folder=folder), threads).wait()
    return code, last_words(job.log)


def _ray() -> Any:
    try:
        import ray  # pyright: ignore[reportMissingImports]
        import ray.exceptions  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise MissingExtra("ray", "ray", "--ray") from None
    return ray
