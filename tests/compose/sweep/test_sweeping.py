"""Sweeps of real processes: what is killed goes on, what fails is told, what is there is not run again."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from netchip.cli.main import main
from netchip.compose.sweep.local import LocalWorkers
from netchip.compose.sweep.outcome import Outcome
from netchip.compose.sweep.record import Swept
from netchip.compose.sweep.spec import SweepSpec
from netchip.compose.sweep.sweeping import sweep
from netchip.compose.sweep.workers import Ended, Job
from netchip.errors import ConfigError, Interrupted
from netchip.files import read_json


def swept(workers: Any = None, retries: int = 1, told: Any = None, fresh: bool = False, **asked: Any) -> Swept:
    spec = SweepSpec.parse({"methods": "toy/quick"} | asked)
    return sweep(spec, "runs", workers=workers or LocalWorkers(2, threads=1), retries=retries, told=told, fresh=fresh)


def by_fail(found: Swept) -> dict[str, Outcome]:
    return {str(each.trial.varied["fail"]): each for each in found.outcomes}


def when_it_hangs(then: Any) -> threading.Thread:
    """Does `then` with the process id of the trial that hangs, once there is one."""

    def wait() -> None:
        for _ in range(2400):
            for written in (pid.read_text() for pid in Path("runs").glob("toy/*/seed-1/pid")):
                if written:  # it may be there, and empty still
                    then(int(written))
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.usefixtures("toy")
def test_kills_are_retried_and_failures_told_while_the_others_go_on() -> None:
    found = swept(settings={"fail": ["", "killed-once", "killed", "diverged", "budget"]})
    outcomes = by_fail(found)
    assert {fail: (each.status, each.attempts) for fail, each in outcomes.items()} == {
        "": ("done", 1),
        "killed-once": ("done", 2),
        "killed": ("killed", 2),
        "diverged": ("failed", 1),
        "budget": ("over budget", 1),
    }
    assert outcomes["killed"].reason == "killed by SIGKILL, 2 times"
    assert outcomes["diverged"].reason == "the loss is NaN at step 3"
    assert outcomes["budget"].reason == "60% cannot be met"
    assert read_json(found.folder_of(outcomes["killed-once"]) / "result.json")["metrics"] == {
        "started": 2,
        "threads": 1,
    }
    record = read_json(found.folder / "sweep.json")
    assert [trial["status"] for trial in record["trials"]] == [each.status for each in found.outcomes]
    assert record["trials"][0]["measured"] == {"test_accuracy_percent": 91.0}


class InProcess:
    """Workers that are this process: a trial is over when it is started."""

    slots = 1

    def start(self, job: Job) -> None:
        self.ended = Ended(job.name, main(list(job.command[job.command.index("run") :])))

    def wait(self) -> Ended:
        return self.ended

    def stop(self) -> None:
        raise AssertionError


@pytest.mark.usefixtures("toy")
def test_what_is_finished_is_not_run_again_unless_fresh() -> None:
    workers = InProcess()
    first = swept(workers, seeds=[1])
    more = swept(workers, seeds=[1, 2])
    assert [(each.status, each.attempts) for each in more.outcomes] == [("done", 0), ("done", 1)]
    assert more.folder != first.folder
    again = swept(workers, seeds=[1], fresh=True)
    assert [(each.status, each.attempts) for each in again.outcomes] == [("done", 1)]


@pytest.mark.usefixtures("toy")
def test_a_worker_that_is_killed_from_outside_is_replaced() -> None:
    told: list[str] = []
    killer = when_it_hangs(lambda pid: os.kill(pid, signal.SIGKILL))
    found = swept(
        seeds=[1], settings={"fail": ["hangs"]}, told=lambda each, *_: told.append(f"{each.status} {each.reason}")
    )
    killer.join()
    assert told == ["waiting killed by SIGKILL", "done "]
    assert found.outcomes[0].attempts == 2


@pytest.mark.usefixtures("toy")
def test_ctrl_c_ends_the_trials_and_the_same_sweep_goes_on() -> None:
    workers = LocalWorkers(2, threads=1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    thread = when_it_hangs(lambda _: signal.raise_signal(signal.SIGINT))
    try:
        with pytest.raises(Interrupted, match="interrupted with 0 of 1 trials over; the same command goes on"):
            swept(workers, settings={"fail": ["hangs"]})
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    [record] = Path("runs").glob("sweeps/*/sweep.json")
    assert read_json(record)["trials"][0]["status"] == "waiting"
    assert workers.processes == {}
    assert swept(InProcess(), settings={"fail": ["hangs"]}).outcomes[0].status == "done"


_KILLED_SWEEP = """
import os, signal, sys, time
from pathlib import Path
from netchip.compose.sweep.process import launch
from netchip.compose.sweep.workers import Job
code = "import os, time; open('new', 'w').write(str(os.getpid())); os.rename('new', 'pid'); time.sleep(60)"
launch(Job("a", (sys.executable, "-c", code), Path.cwd(), Path("log")), 1)
while not Path("pid").is_file():
    time.sleep(0.02)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_trials_do_not_outlive_a_sweep_that_is_killed_outright(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED_SWEEP], cwd=tmp_path, check=False, timeout=60)
    state = Path(f"/proc/{int((tmp_path / 'pid').read_text())}/stat")
    for _ in range(200):
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("the trial went on without its sweep")


class Scripted:
    """Workers that end as told, in order."""

    slots = 1

    def __init__(self, *ended: tuple[int | None, str]) -> None:
        self.ended, self.started, self.stopped = list(ended), list[Job](), False

    def start(self, job: Job) -> None:
        self.started.append(job)

    def wait(self) -> Ended:
        return Ended(self.started[-1].name, *self.ended.pop(0))

    def stop(self) -> None:
        self.stopped = True


@pytest.mark.usefixtures("toy")
def test_a_lost_worker_is_a_kill_and_a_result_that_is_nowhere_a_failure() -> None:
    workers = Scripted((None, "its worker was lost (NodeDiedError)"), (0, ""))
    [outcome] = swept(workers).outcomes
    assert (outcome.status, outcome.attempts) == ("failed", 2)
    assert "holds no result here; give an --out that all workers share" in outcome.reason


@pytest.mark.usefixtures("toy")
def test_fresh_holds_for_the_first_start_only() -> None:
    workers = Scripted((-9, ""), (2, "no data"))
    [outcome] = swept(workers, fresh=True).outcomes
    assert ["--fresh" in job.command for job in workers.started] == [True, False]
    assert (outcome.status, outcome.reason) == ("refused", "no data")


@pytest.mark.usefixtures("toy")
def test_whatever_breaks_off_a_sweep_stops_its_workers() -> None:
    workers = Scripted()
    with pytest.raises(IndexError):
        swept(workers)
    assert workers.stopped


@pytest.mark.usefixtures("toy")
def test_numbers_below_their_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="--retries -1: give a whole number of at least 0"):
        swept(retries=-1)
    with pytest.raises(ConfigError, match="--workers 0: give a whole number of at least 1"):
        LocalWorkers(0)
    with pytest.raises(ConfigError, match="--threads 0"):
        LocalWorkers(1, threads=0)


def test_threads_are_divided_unless_the_environment_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchip.compose.sweep.local.available_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [LocalWorkers(slots).threads for slots in (1, 3, 8, 20)] == [8, 2, 1, 1]
    assert LocalWorkers().slots == 8
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert (LocalWorkers(1).threads, LocalWorkers(1, threads=5).threads) == (2, 5)
