"""Standing and lying bars, measured in the drawing."""

import re

import pytest

from netchip.report.drawing.bars import draw_bars
from netchip.report.figure import BarsFigure

from .reading import paths, texts


def bars(values: list[float | None], *, stacked: bool = False, names: list[str] | None = None) -> BarsFigure:
    categories = names or [f"layer{index}.conv" for index in range(len(values))]
    series = [{"name": "s", "values": values}, {"name": "t", "values": values}]
    return BarsFigure.model_validate(
        {"kind": "bars", "title": "t", "y_label": "µJ", "categories": categories, "series": series, "stacked": stacked}
    )


def heights(path: str) -> list[float]:
    return [abs(float(end) - float(start)) for start, end in re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", path)]


def lengths(path: str) -> list[tuple[float, float]]:
    return [(float(start), float(end)) for start, end in re.findall(r"M([\d.]+) [\d.]+H([\d.]+)", path)]


def test_standing_bars_are_as_high_as_their_values_and_gaps_have_none() -> None:
    drawing = draw_bars(bars([1.0, None, 2.0, 0.0]))
    first, _ = paths(drawing, "b")
    low, high = heights(first)
    assert high == pytest.approx(2 * low, abs=0.11)
    assert {"layer0.conv", "layer3.conv", "µJ"} <= set(texts(drawing))
    assert [(entry.name, entry.colour) for entry in drawing.legend] == [("s", "s1"), ("t", "s2")]


def test_bars_of_a_group_stand_side_by_side() -> None:
    drawing = draw_bars(bars([1.0]))
    centres = [float(re.findall(r"M([\d.]+)", path)[0]) for path in paths(drawing, "b")]
    widths = [float(width) for width in re.findall(r'stroke-width="([\d.]+)"', drawing.svg)]
    assert centres[1] - centres[0] >= widths[0]


def test_bars_below_zero_hang() -> None:
    path, _ = paths(draw_bars(bars([1.0, -1.0])), "b")
    ends = [(float(start), float(end)) for start, end in re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", path)]
    assert ends[0][1] < ends[0][0] == ends[1][0] < ends[1][1]


def test_long_names_are_turned_and_short_ones_are_not() -> None:
    assert "rotate(-35" in draw_bars(bars([1.0] * 12)).svg
    assert "rotate(-35" not in draw_bars(bars([1.0, 2.0], names=["a", "b"])).svg


def test_lying_bars_name_every_category_and_grow_with_them() -> None:
    few, many = draw_bars(bars([1.0] * 3, stacked=True)), draw_bars(bars([1.0] * 54, stacked=True))
    assert {f"layer{index}.conv" for index in range(54)} <= set(texts(many))
    found = [float(re.findall(r'viewBox="0 0 [\d.]+ ([\d.]+)"', each.svg)[0]) for each in (few, many)]
    assert found[1] > 4 * found[0]


def test_stacked_bars_begin_where_the_one_before_ends() -> None:
    first, second = (lengths(path) for path in paths(draw_bars(bars([3.0, None], stacked=True)), "b"))
    assert len(first) == len(second) == 1  # a gap is as 0, and nothing is drawn of it
    assert first[0][1] == second[0][0]
    assert second[0][1] - second[0][0] == pytest.approx(first[0][1] - first[0][0], abs=0.11)


def test_no_categories_are_drawn_empty() -> None:
    for stacked in (False, True):
        assert draw_bars(bars([], stacked=stacked)).svg.startswith("<svg")
