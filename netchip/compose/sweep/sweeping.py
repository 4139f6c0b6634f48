"""A sweep from top to bottom: what is on disk is taken as it is, all else is started, and what was killed is started again."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from netchip.compose.sweep.grid import trials_of
from netchip.compose.sweep.outcome import Outcome, Status, reason_of, status_of
from netchip.compose.sweep.process import last_words
from netchip.compose.sweep.record import Swept, write_record
from netchip.compose.sweep.spec import SweepSpec
from netchip.compose.sweep.trial import Trial
from netchip.compose.sweep.workers import Ended, Job, Workers
from netchip.errors import ConfigError, Interrupted
from netchip.spec import config_hash
from netchip.train.rundir import saved_result
from netchip.version import __version__

Told = Callable[[Outcome, int, int], None]
"""Told what became of a trial (also one that is tried again), how many are over, and how many there are."""


def sweep(
    spec: SweepSpec,
    out: str | Path = "runs",
    *,
    workers: Workers,
    retries: int = 2,
    fresh: bool = False,
    told: Told | None = None,
) -> Swept:
    """Runs every trial of `spec` that is not finished in `out`; failures are in what it returns, and stop no other trial.

    A trial that was killed, or whose worker was lost, is started again, which resumes it, at most `retries` times. `fresh` runs
    finished ones again. The folder out/sweeps/NAME-HASH holds sweep.json, the settings of each trial and what it said.

    Raises `ConfigError` for a grid that cannot be run, before anything is started; `Interrupted` upon Ctrl-C or SIGTERM.
    """
    if retries < 0:
        raise ConfigError(f"--retries {retries}: give a whole number of at least 0")
    root = Path(out)
    folder = root / "sweeps" / f"{spec.name}-{config_hash(spec)}"
    trials = trials_of(spec)
    seen = _Sweeping(spec, root, folder, workers, retries, told, {trial.name: Outcome(trial=trial) for trial in trials})
    return seen.through(fresh=fresh)


@dataclass
class _Sweeping:
    """The outcomes so far, by the trials' names; the record on disk follows each change."""

    spec: SweepSpec
    root: Path
    folder: Path
    workers: Workers
    retries: int
    told: Told | None
    outcomes: dict[str, Outcome]

    def through(self, *, fresh: bool) -> Swept:
        """Starts what is missing, slot by slot, until nothing is left."""
        waiting = deque(trial for trial in self._trials() if fresh or not self._is_finished(trial))
        running: dict[str, float] = {}
        self._record()
        try:
            while waiting or running:
                while waiting and len(running) < self.workers.slots:
                    trial = waiting.popleft()
                    self.workers.start(self._job(trial, fresh=fresh))
                    running[trial.name] = time.monotonic()
                ended = self.workers.wait()
                if self._take(ended, time.monotonic() - running.pop(ended.name)):
                    waiting.append(self.outcomes[ended.name].trial)
        except BaseException as error:
            self.workers.stop()
            if not isinstance(error, KeyboardInterrupt):
                raise
            raise Interrupted(
                f"interrupted with {self._over} of {len(self.outcomes)} trials over; the same command goes on with the rest"
            ) from None
        return self._record()

    def _trials(self) -> list[Trial]:
        return [outcome.trial for outcome in self.outcomes.values()]

    def _is_finished(self, trial: Trial) -> bool:
        """By this version of netchip; a run of another one is started, and says itself why it is refused."""
        result = saved_result(trial.folder(self.root))
        if result is None or result.get("version") != __version__:
            return False
        self._put(replace(self.outcomes[trial.name], status="done"))
        return True

    def _job(self, trial: Trial, *, fresh: bool) -> Job:
        again = self.outcomes[trial.name].attempts > 0
        command = trial.command(self.root, self.folder / "settings", fresh=fresh and not again)
        return Job(trial.name, command, Path.cwd(), self._log(trial.name).absolute())

    def _take(self, ended: Ended, seconds: float) -> bool:
        """Notes what became of a trial; whether to start it again."""
        before = self.outcomes[ended.name]
        attempts = before.attempts + 1
        status, reason = self._judged(ended)
        again = status == "killed" and attempts <= self.retries
        if status == "killed" and attempts > 1 and not again:
            reason = f"{reason}, {attempts} times"
        found = replace(before, reason=reason, attempts=attempts, seconds=before.seconds + seconds)
        self._put(replace(found, status="waiting" if again else status))
        self._record()
        return again

    def _judged(self, ended: Ended) -> tuple[Status, str]:
        status, folder = status_of(ended), self.outcomes[ended.name].trial.folder(self.root)
        if status != "done":
            return status, reason_of(ended, last_words(self._log(ended.name)))
        if saved_result(folder) is None:
            return "failed", f"it ended well, but {folder} holds no result here; give an --out that all workers share"
        return "done", ""

    def _put(self, outcome: Outcome) -> None:
        self.outcomes[outcome.trial.name] = outcome
        if self.told is not None:
            self.told(outcome, self._over, len(self.outcomes))

    @property
    def _over(self) -> int:
        """How many trials need not be started (again)."""
        return sum(each.status != "waiting" for each in self.outcomes.values())

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def _record(self) -> Swept:
        swept = Swept(self.spec, self.root, self.folder, tuple(self.outcomes.values()))
        write_record(swept)
        return swept
