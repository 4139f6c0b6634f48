"""A sweep: slowest first, warm starts, refusals kept, resumed from its folder; and what pace each amount of slices allows."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from netchip.errors import DataError, RequestError
from netchip.hardware.fpga.board import load_board
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.limits import matched
from netchip.methods.dna.platform.pareto import CSV, FIGURE, SolvedTarget, Start, paces, points_table, sweep
from netchip.methods.dna.platform.spaces import spaces_by_map_size
from netchip.report.figure import read_figure
from netchip.workload.network import Workload

LAYERS = example_layers("cifar")
LARGE, SMALL = Workload(LAYERS[:9]), Workload(LAYERS[:3])
FREE = FpgaPlatform(board=load_board("zc706"), spaces=spaces_by_map_size())
SLOW, FAST = (FREE.report(FREE.best(each), each).fps for each in (LARGE, SMALL))
TARGETS = (FAST * 0.9, SLOW * 0.9, SLOW * 0.5, FAST * 2)


class Solver:
    """The large network where it is fast enough, else the small one; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, Start | None]] = []

    def __call__(self, target: float, start: Start | None) -> SolvedTarget:
        self.asked.append((target, start))
        network = LARGE if target <= SLOW else SMALL
        pair = matched(replace(FREE, fps=target), network, start=start and start.design)
        return SolvedTarget(0.9 if network is LARGE else 0.8, pair.design, pair.report)


def test_slowest_first_each_from_the_nearest(tmp_path: Path) -> None:
    solve = Solver()
    points = sweep(TARGETS, solve, folder=tmp_path)
    assert [target for target, _ in solve.asked] == sorted(TARGETS)
    assert solve.asked[0][1] is None
    assert all(start is not None for _, start in solve.asked[1:])
    assert [point.accuracy for point in points] == [0.9, 0.9, 0.8, None]
    assert [point.on_front for point in points[2:]] == [True, False]
    assert sum(point.on_front for point in points[:2]) == 1  # one network at one pace: one of the two
    assert "frames a second (it reaches" in points[3].refused
    rows = list(csv.DictReader((tmp_path / CSV).open()))
    assert [row["accuracy"] for row in rows] == ["0.9", "0.9", "0.8", ""]
    figure = read_figure(tmp_path / FIGURE)
    assert figure.kind == "scatter"
    table = points_table(points)["rows"]
    assert [row[-1] for row in table] == ["yes" if point.on_front else "no" for point in points[:3]] + ["refused"]
    assert table[3][1:6] == ["-"] * 5


def test_a_sweep_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = sweep(TARGETS[1:3], Solver(), folder=tmp_path)
    again = Solver()
    points = sweep(TARGETS[:3], again, folder=tmp_path)
    assert [target for target, _ in again.asked] == [TARGETS[0]]
    assert again.asked[0][1] is not None
    assert {point.fps for point in first} <= {point.fps for point in points}
    (tmp_path / f"target-{TARGETS[1]:g}.json").write_text("{}")
    with pytest.raises(DataError, match="this is no point of a sweep: 'design'"):
        sweep(TARGETS, again, folder=tmp_path)


def test_targets_that_are_none_are_refused() -> None:
    for targets in ((), (0.0,), (float("inf"),)):
        with pytest.raises(RequestError, match="give frames a second above 0, at least one"):
            sweep(targets, Solver())


def test_targets_of_energy_delay_go_from_the_most(tmp_path: Path) -> None:
    asked: list[float] = []

    def solve(target: float, start: Start | None) -> SolvedTarget:
        asked.append(target)
        assert (start is None) == (len(asked) == 1)
        pair = matched(FREE, SMALL)
        return SolvedTarget(0.5, pair.design, replace(pair.report, energy_pj=1e6, latency_s=1e-3))

    points = sweep((1e-3, 3e-3, 2e-3), solve, asked="edp_uj_s", folder=tmp_path)
    assert asked == [3e-3, 2e-3, 1e-3]
    assert {point.edp_uj_s for point in points} == {1e-3}
    assert read_figure(tmp_path / FIGURE).kind == "scatter"
    with pytest.raises(RequestError, match="give uJ s above 0, at least one"):
        sweep((), solve, asked="edp_uj_s")


def test_more_slices_are_never_slower() -> None:
    found = paces(FREE, LARGE, "dsp", (1, 50, 100, 300))
    assert found[1] == 0
    assert 0 < found[50] <= found[100] <= found[300] == pytest.approx(SLOW)
    limited = replace(FREE, limits={"dsp": 50})
    assert found[50] == pytest.approx(limited.report(limited.best(LARGE), LARGE).fps)
    with pytest.raises(RequestError, match="assigning = 'contiguous': only the assignment by map size"):
        paces(replace(FREE, assigning="contiguous"), LARGE, "dsp", (1,))
