"""Figure files as checked values."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from netchip.errors import DataError
from netchip.report.figure import HeatmapFigure, LineFigure, TableFigure, read_figure, without_gaps


def read(tmp_path: Path, content: Any) -> Any:
    (tmp_path / "f.json").write_text(json.dumps(content))
    return read_figure(tmp_path / "f.json")


def test_null_nan_and_infinity_are_gaps(tmp_path: Path) -> None:
    series = {"name": "a", "x": [1, 2, 3, 4], "y": [1.5, None, float("nan"), float("inf")]}
    figure = read(tmp_path, {"kind": "line", "title": "t", "series": [series]})
    assert isinstance(figure, LineFigure)
    assert figure.series[0].y[0] == 1.5
    assert all(math.isnan(value) for value in figure.series[0].y[1:])
    assert without_gaps(figure.series[0].y) == [1.5]


def test_axis_values_may_be_numbers_or_names(tmp_path: Path) -> None:
    figure = read(tmp_path, {"kind": "heatmap", "title": "t", "x": [1, 2.5], "y": ["conv1"], "values": [[0, 1]]})
    assert isinstance(figure, HeatmapFigure)
    assert (figure.x, figure.y) == (("1", "2.5"), ("conv1",))


def test_control_characters_are_dropped(tmp_path: Path) -> None:
    assert read(tmp_path, {"kind": "line", "title": "a\x00\x1b[1mb", "series": []}).title == "a[1mb"


def test_a_table_holds_text_and_its_headings_may_have_lines(tmp_path: Path) -> None:
    table = {"kind": "table", "title": "t", "columns": ["a", ">b\n\x07c"], "rows": [["x", 1.5]], "notes": ["n"]}
    figure = read(tmp_path, table)
    assert isinstance(figure, TableFigure)
    assert (figure.columns, figure.rows, figure.notes) == (("a", ">b\nc"), (("x", "1.5"),), ("n",))


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"kind": "bars", "title": "t", "categories": ["a"], "series": [{"values": []}]},
        {"kind": "scatter", "title": "t", "series": [{"x": [1], "y": []}]},
        {"kind": "table", "title": "t", "columns": ["a", "b"], "rows": [["1"]]},
        {"kind": "table", "title": "t", "columns": [], "rows": []},
        {"kind": "scatter", "title": "t", "series": [{"x": [1, 2], "y": [1, 2], "labels": ["one"]}]},
    ],
)
def test_faults_name_the_file(tmp_path: Path, content: Any) -> None:
    with pytest.raises(DataError, match=r"f\.json: "):
        read(tmp_path, content)
