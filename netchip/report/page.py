"""One self-contained HTML page of one or several runs: no network, no script, light and dark, reproducible."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from netchip.errors import DataError
from netchip.files import write_atomic
from netchip.report.curves import curves
from netchip.report.drawing import Drawing, LegendEntry, draw_bars, draw_heatmap, draw_line
from netchip.report.figure import BarsFigure, Figure, HeatmapFigure, ImagesFigure, LineFigure
from netchip.report.record import RunRecord, find_runs, read_run
from netchip.report.tables import Table, arms_table, comparison_table


@dataclass(frozen=True)
class FigureView:
    """A figure as the template shows it: a drawing, or pictures."""

    title: str
    svg: str | None
    legend: tuple[LegendEntry, ...] = ()
    images: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RunView:
    """A run as the template shows it."""

    run: RunRecord
    arms: Table
    figures: tuple[FigureView, ...]
    config: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    measured_on: str


def build_report(runs: Sequence[Path]) -> str:
    """The HTML page of the given run folders, or of all finished runs below them.

    With several runs it opens with a comparison: mean and spread over the seeds of each setting.
    Raises `DataError` naming the file when something is missing or broken.
    """
    records = [read_run(folder) for folder in dict.fromkeys(found for path in runs for found in find_runs(path))]
    if not records:
        raise DataError("a report needs at least one run folder")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(_package_text("page.html"))
    return page.render(
        title=records[0].title if len(records) == 1 else f"{len(records)} runs",
        style=_package_text("style.css"),
        comparison=comparison_table(records) if len(records) > 1 else None,
        views=[_view(record) for record in records],
    )


def write_report(runs: Sequence[Path], path: Path) -> Path:
    """Builds the page and writes it to `path`, whole or not at all; returns `path`."""
    write_atomic(Path(path), build_report(runs))
    return Path(path)


def _view(run: RunRecord) -> RunView:
    return RunView(
        run=run,
        arms=arms_table(run.result.arms),
        figures=tuple(_figure_view(figure) for figure in (*curves(run.metrics), *run.figures)),
        config=tuple(_flat(run.config)),
        environment=tuple(_flat(run.environment)),
        measured_on=", ".join(f"{key}: {value}" for key, value in _flat(run.result.measured_on) if value != "null"),
    )


def _figure_view(figure: Figure) -> FigureView:
    if isinstance(figure, ImagesFigure):
        images = tuple((item.caption, base64.b64encode(item.png).decode()) for item in figure.items)
        return FigureView(figure.title, None, images=images)
    drawing = _draw(figure)
    return FigureView(figure.title, drawing.svg, drawing.legend)


def _draw(figure: LineFigure | HeatmapFigure | BarsFigure) -> Drawing:
    if isinstance(figure, LineFigure):
        return draw_line(figure)
    return draw_heatmap(figure) if isinstance(figure, HeatmapFigure) else draw_bars(figure)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as (dotted name, text) rows."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _package_text(name: str) -> str:
    return files("netchip.report").joinpath(name).read_text(encoding="utf-8")
