"""The figures a run may leave in `figures/*.json`, as checked values: line, scatter, heatmap, bars, table, images."""

import base64
import binascii
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from netchip.errors import DataError
from netchip.files import read_json

_PNG = b"\x89PNG\r\n\x1a\n"


def _gap_if_not_finite(value: Any) -> Any:
    return math.nan if value is None or (isinstance(value, float) and not math.isfinite(value)) else value


def _printable(value: Any) -> Any:
    """Text without control characters, which neither HTML nor SVG may hold; numbers become text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}"
    return "".join(char for char in value if char >= " ") if isinstance(value, str) else value


def _printable_lines(value: Any) -> Any:
    """The same, line by line."""
    return "\n".join(map(_printable, value.split("\n"))) if isinstance(value, str) else _printable(value)


Gappy = Annotated[float, BeforeValidator(_gap_if_not_finite)]
"""A number; null, NaN and infinities are gaps."""
Text = Annotated[str, BeforeValidator(_printable)]
"""One line."""
Heading = Annotated[str, BeforeValidator(_printable_lines)]
"""Text that may have several lines."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class LineSeries(_Part):
    """One curve; x [n], y [n]. `colour` and `dash` are places in the palette; by default that in the figure."""

    name: Text = ""
    colour: Annotated[int, Field(ge=0)] | None = None
    dash: Annotated[int, Field(ge=0)] | None = None
    x: tuple[Gappy, ...]
    y: tuple[Gappy, ...]

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        return _require(self, len(self.x) == len(self.y), f"{len(self.x)} values in x, {len(self.y)} in y")


class Mark(_Part):
    """A vertical line with a label, such as the epoch at which a ticket was drawn."""

    x: float
    label: Text = ""


class LineFigure(_Part):
    """Curves over a shared axis, with marks."""

    kind: Literal["line"]
    title: Text
    x_label: Text = ""
    y_label: Text = ""
    y_scale: Literal["linear", "log"] = "linear"
    series: tuple[LineSeries, ...]
    marks: tuple[Mark, ...] = ()


class ScatterSeries(_Part):
    """Points of one colour; x [n], y [n], and as many `labels` or none (an empty one is not drawn); `spread` of each y, or none."""

    name: Text = ""
    x: tuple[Gappy, ...]
    y: tuple[Gappy, ...]
    labels: tuple[Text, ...] = ()
    spread: tuple[Gappy, ...] = ()

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        own = (len(self.labels), len(self.spread))
        fits = len(self.x) == len(self.y) and all(length in (0, len(self.x)) for length in own)
        found = f"{len(self.x)} values in x, {len(self.y)} in y, {own[0]} labels, {own[1]} spreads"
        return _require(self, fits, found)


class ScatterFigure(_Part):
    """Points, with `lines` such as a limit; on a logarithmic axis only values above 0 are seen."""

    kind: Literal["scatter"]
    title: Text
    x_label: Text = ""
    y_label: Text = ""
    x_scale: Literal["linear", "log"] = "log"
    y_scale: Literal["linear", "log"] = "log"
    series: tuple[ScatterSeries, ...]
    lines: tuple[LineSeries, ...] = ()


class HeatmapFigure(_Part):
    """values [rows of y][columns of x]; gaps stay empty."""

    kind: Literal["heatmap"]
    title: Text
    x_label: Text = ""
    y_label: Text = ""
    x: tuple[Text, ...]
    y: tuple[Text, ...]
    values: tuple[tuple[Gappy, ...], ...]

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        fits = len(self.values) == len(self.y) and all(len(row) == len(self.x) for row in self.values)
        return _require(
            self, fits and bool(self.x) and bool(self.y), f"values must be {len(self.y)} rows of {len(self.x)}"
        )


class BarSeries(_Part):
    """One bar a category; values [n]."""

    name: Text = ""
    values: tuple[Gappy, ...]


class BarsFigure(_Part):
    """Groups of bars, one group a category. `stacked` ones lie on each other and on their side: room for many long names."""

    kind: Literal["bars"]
    title: Text
    y_label: Text = ""
    categories: tuple[Text, ...]
    series: tuple[BarSeries, ...]
    stacked: bool = False

    @model_validator(mode="after")
    def _one_value_a_category(self) -> Self:
        wrong = [series.name for series in self.series if len(series.values) != len(self.categories)]
        return _require(self, not wrong, f"series {wrong} must hold {len(self.categories)} values, one a category")


class TableFigure(_Part):
    """Text in columns, those whose heading begins with '>' set to the right; under it `notes`, a line each."""

    kind: Literal["table"]
    title: Text
    columns: tuple[Heading, ...]
    rows: tuple[tuple[Text, ...], ...]
    notes: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        fits = bool(self.columns) and all(len(row) == len(self.columns) for row in self.rows)
        return _require(
            self, fits, f"every row must hold {len(self.columns)} cells, one a column, of which there is one at least"
        )


class Image(_Part):
    """One PNG image."""

    caption: Text = ""
    png_base64: str

    @model_validator(mode="after")
    def _is_png(self) -> Self:
        return _require(self, self.png.startswith(_PNG), "png_base64 does not hold a PNG image")

    @property
    def png(self) -> bytes:
        """The decoded file; empty when it is not base64."""
        try:
            return base64.b64decode(self.png_base64, validate=True)
        except (binascii.Error, ValueError):
            return b""


class ImagesFigure(_Part):
    """A row of pictures with captions."""

    kind: Literal["images"]
    title: Text
    items: tuple[Image, ...]


Drawn = LineFigure | ScatterFigure | HeatmapFigure | BarsFigure
Figure = Drawn | TableFigure | ImagesFigure
_ANY: TypeAdapter[Figure] = TypeAdapter(Annotated[Figure, Field(discriminator="kind")])


def read_figure(path: Path) -> Figure:
    """Reads one figure file. Raises `DataError` naming the file and what is wrong in it."""
    return as_figure(read_json(path), str(path))


def as_figure(value: Any, source: str) -> Figure:
    """A figure out of plain values. Raises `DataError` naming the source and what is wrong."""
    try:
        return _ANY.validate_python(value)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise DataError(f"{source}: {where or 'figure'}: {fault['msg']}") from None


def without_gaps(values: Sequence[float]) -> list[float]:
    """The finite values."""
    return [value for value in values if math.isfinite(value)]


def _require(part: Any, holds: bool, message: str) -> Any:
    if not holds:
        raise ValueError(message)
    return part
