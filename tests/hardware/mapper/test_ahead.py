"""A second process that searches from the other end: the same fronts, and no harm where it does not run."""

import sys
import time
from pathlib import Path

import pytest

from netchip.hardware.conventions import DEFAULT
from netchip.hardware.mapper import ahead
from netchip.hardware.mapper.best import front_for
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.mapper.problem import problem_of
from netchip.hardware.mapper.store import is_stored, question
from netchip.hardware.network_cost import cost
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

FEW = RandomMapper(samples=200)
LAYERS = tuple(Layer(f"fc{each}", LayerShape.linear(in_features=16, out_features=each)) for each in (4, 8, 12, 16, 20))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def problems(tiny):
    return [problem_of(layer, tiny, DEFAULT, Constraints()) for layer in LAYERS]


def stored(problems) -> list[bool]:
    return [is_stored(question(each, "edp", FEW.settings())) for each in problems]


def test_the_last_are_searched_first_and_found_the_same(problems) -> None:
    alone = [front_for(each, "edp", FEW, cached=False) for each in problems]
    with ahead.searched_ahead(problems, "edp", FEW):
        until = time.monotonic() + 60
        while not all(found := stored(problems)) and time.monotonic() < until:
            assert found == sorted(found), "from the last on"
            time.sleep(0.02)
    assert all(stored(problems))
    for problem, expected in zip(problems, alone, strict=True):
        found = front_for(problem, "edp", FEW, cached=True)
        assert list(found.energy_pj) == list(expected.energy_pj)
        assert found.mappings == expected.mappings


def test_few_problems_and_those_searched_before_start_no_process(problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead.subprocess, "Popen", lambda *args, **options: pytest.fail("a process was started"))
    with ahead.searched_ahead(problems[:3], "edp", FEW):
        pass
    for each in problems:
        front_for(each, "edp", FEW, cached=True)
    with ahead.searched_ahead(problems, "edp", FEW):
        pass


@pytest.mark.parametrize("executable", ["/bin/false", "/no/such/python"])
def test_without_the_other_process_the_costs_are_the_same(
    tiny, monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    found = cost(Workload(LAYERS), tiny, mapper=FEW, ahead=True)
    assert found == cost(Workload(LAYERS), tiny, mapper=FEW, cached=False)


def test_a_mapper_that_cannot_be_sent_searches_here(problems) -> None:
    class Own(RandomMapper):
        """Of a local class, which pickle refuses."""

    with ahead.searched_ahead(problems, "edp", Own(samples=200)):
        assert not any(stored(problems))
