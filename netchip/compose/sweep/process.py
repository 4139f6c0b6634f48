"""A job as a process of this machine, in a session of its own: Ctrl-C reaches the sweep alone, which passes it on once."""

import os
import subprocess
import sys
from pathlib import Path

from netchip.compose.sweep import bound
from netchip.compose.sweep.workers import Job
from netchip.files import refusal

THREADS = "OMP_NUM_THREADS"


def launch(job: Job, threads: int) -> "subprocess.Popen[bytes]":
    """Starts it with so many threads; it is killed when this process ends. Raises `CheckpointError` without a place for its log."""
    command = [sys.executable, "-P", bound.__file__, str(os.getpid()), *job.command]
    environment = {**os.environ, THREADS: str(threads)}
    try:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=job.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
    except OSError as error:
        raise refusal(job.log, error) from None


def last_words(log: Path) -> str:
    """The last message of netchip in a log, without its name; empty where there is none."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    head, warning = "netchip: ", "netchip: warning: "
    told = [line.removeprefix(head) for line in lines if line.startswith(head) and not line.startswith(warning)]
    return told[-1] if told else ""
