"""Loss and accuracy curves out of `metrics.jsonl`, one series for each phase and figure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from netchip.report.figure import LineFigure, LineSeries

_DRAWN = (("loss", "Loss"), ("accuracy", "Accuracy"))
_WIDE = 100.0
"""A loss that spans more than this is drawn on a logarithmic axis."""


def curves(metrics: Sequence[Mapping[str, Any]]) -> tuple[LineFigure, ...]:
    """A figure of every loss and one of every accuracy that the run logged; none where it logged none."""
    figures = (_curve(metrics, word, title) for word, title in _DRAWN)
    return tuple(figure for figure in figures if figure is not None)


def _curve(metrics: Sequence[Mapping[str, Any]], word: str, title: str) -> LineFigure | None:
    points: dict[str, list[Mapping[str, Any]]] = {}
    for record in metrics:
        for key in record:
            if word in key and _is_number(record[key]):
                points.setdefault(f"{record.get('phase', '')}\0{key}", []).append(record)
    if not points:
        return None
    axis = _axis(points)
    phases = list(dict.fromkeys(name.split("\0")[0] for name in points))
    series = [_series(name, records, axis, phases) for name, records in points.items()]
    unit = " (%)" if all(name.endswith("_percent") for name in points) else ""
    values = [value for one in series for value in one.y]
    wide = word == "loss" and min(values) > 0 and max(values) > _WIDE * min(values)
    return LineFigure(
        kind="line",
        title=title,
        x_label="epochs trained" if axis == "epoch" else axis,
        y_label=title.lower() + unit,
        y_scale="log" if wide else "linear",
        series=tuple(series),
    )


def _axis(points: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Epochs where no series has two values in one epoch, else steps."""
    for records in points.values():
        epochs = [record.get("epoch") for record in records]
        if None in epochs or len(set(epochs)) < len(epochs):
            return "step"
    return "epoch"


def _series(name: str, records: Sequence[Mapping[str, Any]], axis: str, phases: Sequence[str]) -> LineSeries:
    """A curve in the colour of its phase, dashed for validation. Epochs are logged from 0, drawn as epochs trained."""
    phase, key = name.split("\0")
    words = key.removesuffix("_percent").replace("_", " ")
    first = 1.0 if axis == "epoch" else 0.0
    return LineSeries(
        name=f"{phase}: {words}" if phase else words,
        colour=phases.index(phase),
        dash=1 if "validation" in key else 0,
        x=tuple(first + float(_number(record.get(axis), index)) for index, record in enumerate(records)),
        y=tuple(record[key] for record in records),
    )


def _number(value: Any, otherwise: float) -> float:
    return value if _is_number(value) else otherwise


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isinf(value)
