"""One self-contained HTML page of one or several runs: no network, no script, light and dark, reproducible."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netchip.errors import DataError
from netchip.files import write_atomic
from netchip.report.curves import curves
from netchip.report.gallery import FigureView, figure_view
from netchip.report.record import RunRecord, find_runs, read_run
from netchip.report.tables import Table, arms_table, comparison_table
from netchip.report.template import fill


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
    return fill(
        "page.html",
        title=records[0].title if len(records) == 1 else f"{len(records)} runs",
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
        figures=tuple(figure_view(figure) for figure in (*curves(run.metrics), *run.figures)),
        config=tuple(_flat(run.config)),
        environment=tuple(_flat(run.environment)),
        measured_on=", ".join(f"{key}: {value}" for key, value in _flat(run.result.measured_on) if value != "null"),
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as (dotted name, text) rows."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
