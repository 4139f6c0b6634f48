"""Points, lines, whiskers and names over two axes."""

import re

import pytest

from netchip.report.drawing.scatter import draw_scatter
from netchip.report.figure import ScatterFigure

from .reading import paths, texts


def scatter(**changes: object) -> ScatterFigure:
    series = [{"name": "compute", "x": [1, 20], "y": [100, 160], "labels": ["conv1", ""]}]
    lines = [{"name": "roof", "x": [0.5, 40], "y": [64, 168]}]
    return ScatterFigure.model_validate(
        {"kind": "scatter", "title": "t", "x_label": "MACs a byte", "series": series, "lines": lines, **changes}
    )


def test_points_and_lines_share_a_legend_and_differ_in_colour() -> None:
    drawing = draw_scatter(scatter())
    assert [(entry.name, entry.colour, entry.dash) for entry in drawing.legend] == [
        ("roof", "s1", "d1"),
        ("compute", "s2", ""),
    ]
    assert {"conv1", "MACs a byte"} <= set(texts(drawing))


def test_series_differ_in_shape_and_the_legend_shows_it() -> None:
    series = [{"name": str(index), "x": [index + 1.0], "y": [1.0]} for index in range(8)]
    drawing = draw_scatter(scatter(series=series, lines=[]))
    assert len({re.sub(r" s\d|M0 0", "", entry.mark) for entry in drawing.legend}) == 8


def test_a_narrow_logarithmic_axis_still_has_numbers() -> None:
    assert {"1", "2", "5", "10", "20", "100"} <= set(texts(draw_scatter(scatter())))
    wide = draw_scatter(scatter(series=[{"name": "a", "x": [0.001, 1e4], "y": [0.01, 1e4]}]))
    assert "5" not in texts(wide)


@pytest.mark.parametrize("x", [None, 0, -3.0])
def test_what_a_logarithmic_axis_cannot_show_is_left_out(x: float | None) -> None:
    series = [{"name": "a", "x": [x, 2.0], "y": [1.0, 1.0], "labels": ["hidden", "seen"]}]
    found = texts(draw_scatter(scatter(series=series)))
    assert "seen" in found
    assert "hidden" not in found
    assert draw_scatter(scatter(series=[], lines=[])).svg.startswith("<svg")


def test_a_linear_axis_shows_zero_and_below() -> None:
    series = [{"name": "a", "x": [0.0, 2.0], "y": [-1.0, 1.0], "labels": ["zero", "two"]}]
    drawing = draw_scatter(scatter(series=series, lines=[], x_scale="linear", y_scale="linear"))
    assert {"zero", "two", "-1", "0"} <= set(texts(drawing))


def test_a_spread_is_a_whisker_as_long_as_itself() -> None:
    series = [{"name": "a", "x": [1.0, 2.0], "y": [10.0, 20.0], "spread": [5.0, 0.0]}]
    (whisker,) = paths(draw_scatter(scatter(series=series, lines=[], x_scale="linear", y_scale="linear")), "t")
    drawn = draw_scatter(scatter(series=series, lines=[], x_scale="linear", y_scale="linear"))
    (marks,) = paths(drawn, "o")
    low, high = (float(value) for value in re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", whisker)[0])
    ten, twenty = (float(value) for value in re.findall(r"M[\d.]+ ([\d.]+)h0", marks))
    assert (low - high) == pytest.approx(ten - twenty, abs=0.3)  # 2 x 5 is as far as from 10 to 20


def test_names_never_lie_on_each_other_and_those_without_room_are_left_out() -> None:
    labels = [f"a rather long name {index}" for index in range(30)]
    series = [{"name": "a", "x": [1.0 + index / 1000 for index in range(30)], "y": [1.0] * 30, "labels": labels}]
    found = set(texts(draw_scatter(scatter(series=series, lines=[])))) & set(labels)
    assert labels[0] in found
    assert 0 < len(found) < 10
