"""Fronts by hand, and against the definition."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.report.compare.fronts import Front, Point, front_figure, fronts
from netchip.report.compare.seeds import variants

Make = Callable[..., Any]
POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


def front(*points: tuple[float, float], role: str = "ours", cost: tuple[str, str] = ("counted", "macs")) -> Front:
    made = tuple(Point(f"n{index}", role, cost, quality, None, 1) for index, (cost, quality) in enumerate(points))
    return Front("digits", ("measured", "test_accuracy_percent"), cost, "", made)


def test_a_front_by_hand() -> None:
    found = front((5.0, 90.0), (1.0, 80.0), (3.0, 85.0), (4.0, 84.0), (3.0, 82.0), (9.0, 90.0)).on_front
    assert [(point.cost, point.quality) for point in found] == [(1.0, 80.0), (3.0, 85.0), (5.0, 90.0)]


def test_a_byte_less_is_no_merit() -> None:
    found = front((261_001.0, 10.0), (261_003.0, 69.0), (530_000.0, 68.0)).on_front
    assert [point.quality for point in found] == [69.0]


@given(POINTS)
def test_a_network_is_on_the_front_unless_another_beats_it(points: list[tuple[int, int]]) -> None:
    found = {(point.cost, point.quality) for point in front(*points).on_front}
    beaten = {a for a in points for b in points if b[0] <= a[0] and b[1] >= a[1] and b != a}
    assert found == set(points) - beaten


def test_seeds_count_by_their_mean_so_that_luck_does_not_win(run: Make, arm: Make) -> None:
    def seed(number: int, lucky: float) -> Any:
        arms = [("dense", "baseline", 9.0, 95.0), ("steady", "ours", 4.0, 94.0), ("lucky", "ours", 5.0, lucky)]
        return run([arm(name, role, macs=macs, accuracy=quality) for name, role, macs, quality in arms], seed=number)

    (found,) = fronts(variants([seed(1, 99.0), seed(2, 85.0)]))  # 92 on average
    assert [point.name for point in found.on_front] == ["steady", "dense"]
    lucky = next(point for point in found.points if point.name == "lucky")
    assert (lucky.quality, lucky.seeds, lucky.role) == (92.0, 2, "chosen")
    assert lucky.deviation == pytest.approx(98.0**0.5)  # (7^2 + 7^2) / (2 - 1)
    assert "measured) against MACs (counted)" in found.title


def test_two_networks_and_equal_costs_make_no_front(run: Make, arm: Make) -> None:
    two = [arm("dense", "baseline", macs=2.0, accuracy=1.0), arm("ticket", "ours", macs=1.0, accuracy=1.0)]
    assert fronts(variants([run(two)])) == ()
    assert fronts(variants([run([*two, arm("other", "ours", macs=1.0, accuracy=0.0)])])) == ()


def test_tasks_and_devices_do_not_mix(run: Make, arm: Make) -> None:
    def on(name: str, data: str, config_hash: str) -> Any:
        arms = [
            arm(f"a{i}", "ours", macs=i + 1.0, accuracy=i, measured={"latency_batch1_ms": i + 1.0}) for i in range(3)
        ]
        return run(arms, measured_on={"name": name, "threads": 1}, data={"name": data}, config_hash=config_hash)

    found = fronts(variants([on("A", "digits", "1"), on("B", "digits", "2"), on("A", "cifar10", "3")]))
    timed = [(each.task, each.device, len(each.points)) for each in found if each.cost[1] == "latency_batch1_ms"]
    assert timed == [("digits", "A, 1 thread", 3), ("digits", "B, 1 thread", 3), ("cifar10", "A, 1 thread", 3)]
    assert [(each.task, len(each.points)) for each in found if each.cost[1] == "macs"] == [
        ("digits", 6),
        ("cifar10", 3),
    ]
    assert found[0].points[0].name == "a0 (early-bird digits 1)"


def test_the_figure_has_the_chosen_the_others_the_baselines_and_a_staircase() -> None:
    names = (("dense", "baseline", 9e6, 95.0), ("ticket", "chosen", 3e6, 94.0), ("wide", "ours", 6e6, 93.0))
    points = tuple(Point(name, role, cost, quality, 0.5, 3) for name, role, cost, quality in names)
    drawn = front_figure(Front("digits", ("measured", "test_accuracy_percent"), ("measured", "file_bytes"), "", points))
    assert [(series.name, series.labels, series.spread) for series in drawn.series] == [
        ("chosen networks", ("ticket",), (0.5,)),
        ("others of ours", ("wide",), (0.5,)),
        ("baselines", ("dense",), (0.5,)),
    ]
    mebi = 2.0**20
    assert (drawn.lines[0].x, drawn.lines[0].y) == ((3e6 / mebi, 9e6 / mebi, 9e6 / mebi), (94.0, 94.0, 95.0))
    assert (drawn.x_label, drawn.y_label, drawn.x_scale) == ("file size (MiB)", "test accuracy (%)", "linear")


def test_what_lies_off_the_axes_is_named() -> None:
    found = front((1.0, 95.0), (10.0, 96.0), (100.0, 97.0), (50.0, 10.0), (0.0, 94.0))
    assert [point.name for point in found.far_below] == ["n3"]
    assert front_figure(found).x_scale == "log"
    on, below, left = found.notes()
    assert on.startswith("On the front, from cheap to good: n4, 94.00 % at 0; n0, 95.00 % at 1;")
    assert below == "Below the axis: n3, 10.00 % at 50."
    assert left == "Left of the axis: n4, 94.00 % at 0."


def test_the_worst_network_is_drawn_when_it_is_on_the_front() -> None:
    assert front((1.0, 10.0), (2.0, 95.0), (3.0, 96.0), (4.0, 97.0)).far_below == ()
