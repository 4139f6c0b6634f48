"""Where trials run: the seam between a sweep and this machine's processes, or a cluster's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Job:
    """A command, where it is started, and the file that what it says on stderr goes to (after what is there)."""

    name: str
    command: tuple[str, ...]
    folder: Path
    log: Path


@dataclass(frozen=True)
class Ended:
    """A job that is over: `code` is its exit code, negative for the signal that killed it, None where its worker was lost.

    `told` says more of that.
    """

    name: str
    code: int | None
    told: str = ""


class Workers(Protocol):
    """`slots` jobs run at once."""

    slots: int

    def start(self, job: Job) -> None:
        """Starts a job; there is a slot."""
        ...

    def wait(self) -> Ended:
        """Waits for the next job that ends."""
        ...

    def stop(self) -> None:
        """Lets all running jobs save what they have, and ends them."""
        ...
