"""Measured points of chunks, from HLS reports or a board: a CSV with a row for one layer on one chunk."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from netchip.errors import DataError, RequestError
from netchip.hardware.fpga.chunk import FLAGS, Chunk, ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.predictor import ChunkPredictor
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

CYCLES, PREFIX = "cycles", "measured_"
_LAYER = ("in_channels", "out_channels", "height", "width", "kernel")


@dataclass(frozen=True)
class MeasuredPoint:
    """A layer on a chunk, and what was measured of it by name: "cycles" of a frame, or pieces of a resource."""

    layer: Layer
    chunk: Chunk
    measured: Mapping[str, float]


def read_points(path: Path | str) -> tuple[MeasuredPoint, ...]:
    """The points of a CSV.

    Columns: in_channels, out_channels, height and width of the input, kernel, if not 1 groups and stride (padding keeps the size);
    fields of a chunk (engine, tile_out, tile_in, tile_rows, tile_columns, unroll_out, ...); any of measured_cycles, measured_dsp,
    measured_bram18 and so on, empty where not known. Raises `DataError` that names the file, the line and the column.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not readable as CSV ({error})") from None
    if not rows:
        raise DataError(f"{path}: no row of measurements; give at least two")
    return tuple(_point(row, f"{path}, line {line + 2}") for line, row in enumerate(rows))


def predicted(points: Sequence[MeasuredPoint], predictor: ChunkPredictor) -> list[dict[str, float]]:
    """What a predictor says of each point, by name."""
    found: list[dict[str, float]] = []
    for point in points:
        said = predictor(LayerTable.of([point.layer]), ChunkBatch.of([point.chunk]))
        usage = {name: float(np.asarray(value).ravel()[0]) for name, value in said.usage.items()}
        found.append({CYCLES: float(np.asarray(said.cycles)[0, 0]), **usage})
    return found


def _point(row: Mapping[str, str | None], where: str) -> MeasuredPoint:
    for name in _LAYER:
        if not row.get(name):
            raise DataError(f"{where}: no value for {name}; a layer needs {', '.join(_LAYER)}")
    measured = {
        name.removeprefix(PREFIX): _number(value, name, where)
        for name, value in row.items()
        if name.startswith(PREFIX) and value
    }
    if not measured:
        raise DataError(f"{where}: nothing was measured; give {PREFIX}{CYCLES}, or {PREFIX}dsp and so on")
    try:
        return MeasuredPoint(_layer(row, where), _chunk(row, where), measured)
    except RequestError as error:
        raise DataError(f"{where}: {error}") from None


def _layer(row: Mapping[str, str | None], where: str) -> Layer:
    number = {name: _whole(row.get(name) or "1", name, where) for name in (*_LAYER, "groups", "stride")}
    kernel, stride = number["kernel"], number["stride"]
    shape = LayerShape.conv(
        in_channels=number["in_channels"],
        out_channels=number["out_channels"],
        groups=number["groups"],
        in_size=(number["height"], number["width"]),
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(kernel // 2, kernel // 2),
    )
    bits = {name: _whole(row.get(name) or "16", name, where) for name in ("weight_bits", "input_bits")}
    return Layer(where, shape, precision=Precision(**bits))


def _chunk(row: Mapping[str, str | None], where: str) -> Chunk:
    values: dict[str, Any] = {}
    for name in (each.name for each in fields(Chunk)):
        given = row.get(name)
        if given:
            plain = given if name == "engine" else _whole(given, name, where)
            values[name] = bool(plain) if name in FLAGS else plain
    return Chunk.parse(values)


def _number(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise DataError(f"{where}: {name} = {text!r} is no amount; give a number of at least 0")
    return value


def _whole(text: str, name: str, where: str) -> int:
    value = _number(text, name, where)
    if value != int(value):
        raise DataError(f"{where}: {name} = {text!r} is no whole number")
    return int(value)
