"""The parts of the demo in processes of this machine, some at once; what is finished is not done again."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netchip.compose.demo.following import following
from netchip.compose.demo.parts import Part
from netchip.compose.sweep.outcome import reason_of
from netchip.compose.sweep.process import last_words
from netchip.compose.sweep.workers import Ended, Job, Workers
from netchip.errors import Interrupted, RunError
from netchip.train.rundir import saved_result

Told = Callable[[str], None]


@dataclass
class _Running:
    part: Part
    started: float


def see_through(parts: Sequence[Part], root: Path, *, workers: Workers, told: Told) -> None:
    """Starts what is missing below `root`, slot by slot.

    `told` is given a line whenever a part starts and ends, and now and then what it last said.
    Raises `RunError` that names the part and its log where one fails, after the others have ended; `Interrupted` upon Ctrl-C.
    """
    notes = root / "demo"
    waiting = deque(part for part in parts if not _is_finished(part, root, told))
    running: dict[str, _Running] = {}
    failed: list[str] = []
    try:
        with following(lambda: {name: _log(notes, run.part) for name, run in list(running.items())}, told):
            while waiting or running:
                while waiting and len(running) < workers.slots:
                    part = waiting.popleft()
                    running[part.name] = _Running(part, time.monotonic())
                    workers.start(_job(part, root, notes))
                    told(f"{part.name}: {part.line}")
                ended = workers.wait()
                failed += _taken(ended, running.pop(ended.name), root, notes, told)
    except BaseException as error:
        workers.stop()
        if not isinstance(error, KeyboardInterrupt):
            raise
        raise Interrupted("interrupted; the same command goes on where the parts were") from None
    if failed:
        raise RunError(f"{'; '.join(failed)}. The same command goes on with what is missing")


def _job(part: Part, root: Path, notes: Path) -> Job:
    return Job(part.name, part.command(root, notes), Path.cwd(), _log(notes, part).absolute())


def _is_finished(part: Part, root: Path, told: Told) -> bool:
    if saved_result(part.folder(root)) is None:
        return False
    told(f"{part.name}: finished already")
    return True


def _taken(ended: Ended, run: _Running, root: Path, notes: Path, told: Told) -> list[str]:
    """Notes the end of a part; what went wrong, where something did."""
    seconds = time.monotonic() - run.started
    result = saved_result(run.part.folder(root)) if ended.code == 0 else None
    if result is None:
        log = _log(notes, run.part)
        return [f"{run.part.name}: {reason_of(ended, last_words(log))} (all it said: {log})"]
    told(f"{run.part.name}: done in {seconds:.0f} s. {result['headline']}")
    return []


def _log(notes: Path, part: Part) -> Path:
    return notes / f"{part.name}.log"
