"""What became of trials, and what a sweep ends with."""

from typing import Any

import pytest

from netchip.compose.sweep.grid import trials_of
from netchip.compose.sweep.outcome import Outcome, fault_of, reason_of, status_of
from netchip.compose.sweep.spec import SweepSpec
from netchip.compose.sweep.workers import Ended
from netchip.errors import BudgetError, RequestError, RunError
from netchip.methods.method import Method


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (0, "done"),
        (1, "failed"),
        (2, "refused"),
        (3, "over budget"),
        (7, "failed"),
        (130, "killed"),
        (-9, "killed"),
        (None, "killed"),
    ],
)
def test_exit_codes(code: int | None, status: str) -> None:
    assert status_of(Ended("a", code)) == status


@pytest.mark.parametrize(
    ("ended", "words", "reason"),
    [
        (Ended("a", -15), "half a line", "killed by SIGTERM"),
        (Ended("a", None, "its worker was lost"), "", "its worker was lost"),
        (Ended("a", 1), "the loss is NaN", "the loss is NaN"),
        (Ended("a", 7), "", "ended with exit code 7 and no message"),
    ],
)
def test_reasons(ended: Ended, words: str, reason: str) -> None:
    assert reason_of(ended, words) == reason


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        (("done", "killed"), RunError),
        (("refused", "failed"), RunError),
        (("refused", "over budget"), RequestError),
        (("done", "over budget"), BudgetError),
    ],
)
def test_a_sweep_ends_with_the_worst_there_was(toy: Method, statuses: Any, kind: Any) -> None:
    fault = fault_of(_outcomes(statuses))
    assert type(fault) is kind
    assert f"{sum(each != 'done' for each in statuses)} of 2 trials are not done, 'toy seed=" in str(fault)
    assert str(fault).endswith("the first: so; the same command tries them again")


def test_a_sweep_whose_trials_are_done_has_no_fault(toy: Method) -> None:
    assert fault_of(_outcomes(("done", "done"))) is None


def _outcomes(statuses: Any) -> tuple[Outcome, ...]:
    trials = trials_of(SweepSpec(methods=("toy",), seeds=(1, 2)))
    return tuple(Outcome(trial=trial, status=each, reason="so") for trial, each in zip(trials, statuses, strict=True))
