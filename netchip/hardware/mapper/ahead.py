"""A second process that searches the last of several problems first, into the cache on disk, where the first one finds them.

They meet in the middle. Nothing depends on it: where the other process does not start, or stops, the first makes all searches.
"""

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Generator, Sequence

from netchip.errors import NetchipError
from netchip.hardware.mapper.best import front_for
from netchip.hardware.mapper.mappers import Mapper
from netchip.hardware.mapper.objective import Objective
from netchip.hardware.mapper.problem import Problem
from netchip.hardware.mapper.store import is_stored, question

LEAST = 4
"""Problems to be searched below which a second process does not pay for its start."""


@contextlib.contextmanager
def searched_ahead(problems: Sequence[Problem], objective: Objective, mapper: Mapper) -> Generator[None]:
    """While inside, another process searches those of `problems` (all different) that are not in the cache, from the last on.

    A mapper of the user's own that cannot be sent there is searched with in this process alone.
    """
    missing = [each for each in problems if not is_stored(question(each, objective, mapper.settings()))]
    process = _started(missing, objective, mapper) if len(missing) >= LEAST else None
    try:
        yield
    finally:
        if process is not None:
            process.kill()
            process.wait()


def _started(problems: Sequence[Problem], objective: Objective, mapper: Mapper) -> "subprocess.Popen[bytes] | None":
    quiet = subprocess.DEVNULL
    try:
        task = pickle.dumps((problems, objective, mapper))
        process = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)
    except (pickle.PicklingError, AttributeError, TypeError, OSError):
        return None
    if process.stdin is not None:
        with contextlib.suppress(OSError), process.stdin as pipe:
            pipe.write(task)
    return process


def main() -> None:
    """The other process: a pickle of (problems, objective, mapper) comes from its parent through stdin."""
    problems, objective, mapper = pickle.load(sys.stdin.buffer)
    for problem in reversed(problems):
        with contextlib.suppress(NetchipError):  # the first process meets it, too, and tells
            front_for(problem, objective, mapper, cached=True)


if __name__ == "__main__":
    main()
