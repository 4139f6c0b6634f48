"""The parts in their slots: all are started, what is finished is not, failures are told after the others have ended."""

import json
from pathlib import Path

import pytest

from netchip.compose.demo.parts import Part
from netchip.compose.demo.seeing_through import see_through
from netchip.compose.sweep.workers import Ended, Job
from netchip.errors import Interrupted, RunError
from netchip.methods import find_method


class Workers:
    """Two slots; a job ends with its code, and leaves a result where that is 0 and its part is known."""

    slots = 2

    def __init__(self, root: Path, parts: tuple[Part, ...], codes: dict[str, int] | None = None) -> None:
        self._folders = {part.name: part.folder(root) for part in parts}
        self._codes = codes or {}
        self.running: list[Job] = []
        self.most = 0
        self.stopped = False

    def start(self, job: Job) -> None:
        self.running.append(job)
        self.most = max(self.most, len(self.running))

    def wait(self) -> Ended:
        job = self.running.pop(0)
        code = self._codes.get(job.name, 0)
        if code == 99:
            raise KeyboardInterrupt
        if code == 0:
            self._folders[job.name].mkdir(parents=True)
            (self._folders[job.name] / "result.json").write_text(json.dumps({"headline": f"{job.name} is good"}))
        else:
            job.log.write_text("epoch 1\nnetchip: the loss is NaN\n")
        return Ended(job.name, code)

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def parts() -> tuple[Part, ...]:
    """Three that differ by their seeds."""
    smoke = find_method("early-bird").experiment("smoke")
    return tuple(
        Part(name, f"line {name}", "early-bird", smoke.changed(ratio=0.1 * i)) for i, name in enumerate("abc", 3)
    )


def test_all_are_started_two_at_once(parts: tuple[Part, ...], tmp_path: Path) -> None:
    workers, told = Workers(tmp_path, parts), []
    see_through(parts, tmp_path, workers=workers, told=told.append)
    assert workers.most == 2
    assert [line for line in told if "line" in line] == ["a: line a", "b: line b", "c: line c"]
    assert sum("is good" in line for line in told) == 3


def test_what_is_finished_is_not_done_again(parts: tuple[Part, ...], tmp_path: Path) -> None:
    see_through(parts[:2], tmp_path, workers=Workers(tmp_path, parts), told=lambda _: None)
    workers, told = Workers(tmp_path, parts), []
    see_through(parts, tmp_path, workers=workers, told=told.append)
    assert told[:3] == ["a: finished already", "b: finished already", "c: line c"]
    assert workers.most == 1


def test_a_failure_is_told_after_the_others_have_ended(parts: tuple[Part, ...], tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "demo").mkdir()
    with pytest.raises(RunError, match=r"a: the loss is NaN \(all it said: .*a.log\). The same command goes on"):
        see_through(parts, tmp_path, workers=Workers(tmp_path, parts, {"a": 1}), told=told.append)
    assert sum("is good" in line for line in told) == 2


def test_ctrl_c_lets_the_parts_save(parts: tuple[Part, ...], tmp_path: Path) -> None:
    workers = Workers(tmp_path, parts, {"a": 99})
    with pytest.raises(Interrupted, match="goes on where the parts were"):
        see_through(parts, tmp_path, workers=workers, told=lambda _: None)
    assert workers.stopped
