"""Heatmaps: their names, their cells as dots of a picture, their bar."""

import base64
import io
import re

import pytest
from PIL import Image

from netchip.report.drawing.heat import colour, picture
from netchip.report.drawing.heatmap import draw_heatmap
from netchip.report.figure import HeatmapFigure

from .reading import texts


def heat(values: list[list[float | None]]) -> HeatmapFigure:
    names = {"x": [f"x{index}" for index in range(len(values[0]))], "y": [f"y{index}" for index in range(len(values))]}
    return HeatmapFigure.model_validate({"kind": "heatmap", "title": "t", **names, "values": values})


def test_ends_of_the_scale_are_dark_and_bright_and_gaps_are_clear() -> None:
    assert colour(0.0) == bytes([0x00, 0x22, 0x4E, 255])
    assert colour(1.0) == colour(7.0) == bytes([0xFE, 0xE8, 0x38, 255])
    assert colour(float("nan"))[3] == 0
    # half of the way between two neighbours, by hand: (0x7c7b78 + 0x8b8778) / 2
    assert colour(8.5 / 16) == bytes([0x84, 0x81, 0x78, 255])


def test_a_picture_has_a_dot_a_value() -> None:
    dots = Image.open(io.BytesIO(base64.b64decode(picture([[0.0, 1.0, float("nan")]] * 2))))
    assert (dots.size, dots.mode) == ((3, 2), "RGBA")
    assert [dots.getpixel((place, 1)) for place in range(3)] == [
        (0, 0x22, 0x4E, 255),
        (0xFE, 0xE8, 0x38, 255),
        (0, 0, 0, 0),
    ]


def test_a_heatmap_names_its_rows_and_columns_and_explains_its_colours() -> None:
    drawing = draw_heatmap(heat([[0.0, None], [50.0, 100.0]]))
    assert {"x0", "x1", "y0", "y1", "0", "100"} <= set(texts(drawing))
    cells, bar = (Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall('base64,([^"]*)', drawing.svg))
    assert cells.size == (2, 2)
    assert cells.getpixel((0, 0)) == bar.getpixel((0, bar.size[1] - 1)) == (0, 0x22, 0x4E, 255)
    assert cells.getpixel((1, 1)) == bar.getpixel((0, 0))
    assert cells.getpixel((1, 0))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("values", [[[None]], [[3.0]], [[2.0, 2.0]]])
def test_without_a_span_it_is_still_drawn(values: list[list[float | None]]) -> None:
    assert draw_heatmap(heat(values)).svg.count("<image") == 2
