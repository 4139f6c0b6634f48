"""Trials in processes of this machine."""

import os
import signal
import subprocess
import time

from netchip.compose.sweep.process import THREADS, launch
from netchip.compose.sweep.workers import Ended, Job
from netchip.cores import available_cores
from netchip.errors import ConfigError

_PAUSE_S = 0.05
_PATIENCE_S = 60.0
"""For a training step and its checkpoint."""


class LocalWorkers:
    """At most `slots` processes at once, by default as many as there are cores.

    Each has `threads`, by default what OMP_NUM_THREADS says, else its share of the cores. Raises `ConfigError` for fewer than one.
    """

    def __init__(self, slots: int | None = None, *, threads: int | None = None) -> None:
        for flag, given in (("--workers", slots), ("--threads", threads)):
            if given is not None and given < 1:
                raise ConfigError(f"{flag} {given}: give a whole number of at least 1")
        self.slots = slots or available_cores()
        said = os.environ.get(THREADS, "")
        self.threads = threads or (
            int(said) if said.isdigit() and int(said) else max(1, available_cores() // self.slots)
        )
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def processes(self) -> dict[str, int]:
        """The process ids of what runs, by job."""
        return {name: process.pid for name, process in self._running.items()}

    def start(self, job: Job) -> None:
        """Starts a process."""
        self._running[job.name] = launch(job, self.threads)

    def wait(self) -> Ended:
        """Waits for the next process that ends."""
        while True:
            for name, process in self._running.items():
                code = process.poll()
                if code is not None:
                    del self._running[name]
                    return Ended(name, code)
            time.sleep(_PAUSE_S)

    def stop(self) -> None:
        """SIGTERM, upon which a run saves and ends; those that do not within a minute are killed."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        patient_until = time.monotonic() + _PATIENCE_S
        for process in self._running.values():
            try:
                process.wait(max(0.0, patient_until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
