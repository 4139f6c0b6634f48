"""What became of a trial."""

import signal
from dataclasses import dataclass
from typing import Any, Literal

from netchip.compose.sweep.trial import Trial
from netchip.compose.sweep.workers import Ended
from netchip.errors import BudgetError, NetchipError, RequestError, RunError

Status = Literal["done", "failed", "refused", "over budget", "killed", "waiting"]
_OF_CODE: dict[int | None, Status] = {0: "done", 2: "refused", 3: "over budget", 130: "killed", None: "killed"}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`attempts` is how often it was started in this sweep (0: found finished), `seconds` how long that took in all."""

    trial: Trial
    status: Status = "waiting"
    reason: str = ""
    attempts: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "label": self.trial.label,
            "method": self.trial.method,
            "experiment": self.trial.experiment,
            "seed": self.trial.seed,
            "varied": dict(self.trial.varied),
            "status": self.status,
            "reason": self.reason,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 3),
        }


def status_of(ended: Ended) -> Status:
    """By the exit codes of `netchip run`; a signal, an interruption and a lost worker are all a kill, which can be gone on from."""
    if ended.code is not None and ended.code < 0:
        return "killed"
    return _OF_CODE.get(ended.code, "failed")


def reason_of(ended: Ended, last_words: str) -> str:
    """Why a trial that ended so is not done."""
    if ended.code is not None and ended.code < 0:
        return f"killed by {signal.Signals(-ended.code).name}"
    return ended.told or last_words or f"ended with exit code {ended.code} and no message"


def fault_of(outcomes: tuple[Outcome, ...]) -> NetchipError | None:
    """What the sweep as a whole ends with: nothing where all is done, else the worst there was.

    Failures come before refusals, and those before budgets that were not met.
    """
    kinds: tuple[tuple[tuple[Status, ...], type[NetchipError]], ...] = (
        (("failed", "killed"), RunError),
        (("refused",), RequestError),
        (("over budget",), BudgetError),
    )
    undone = [each for each in outcomes if each.status != "done"]
    for statuses, kind in kinds:
        if any(each.status in statuses for each in undone):
            first = undone[0]
            return kind(
                f"{len(undone)} of {len(outcomes)} trials are not done, {first.trial.label!r} the first: {first.reason}; "
                "the same command tries them again"
            )
    return None
