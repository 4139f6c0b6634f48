"""One self-contained HTML page of any set of runs: nothing from outside, light and dark, reproducible."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netchip.files import write_atomic
from netchip.report.chip_page import ChipView, chip_view
from netchip.report.chip_record import read_chip
from netchip.report.compare.choosing import run_figures
from netchip.report.compare.collecting import Collected, collect
from netchip.report.compare.fronts import front_figure, fronts
from netchip.report.compare.overview import overview_table
from netchip.report.compare.seeds import Variant, variants
from netchip.report.gallery import FigureView, figure_view
from netchip.report.record import RunRecord
from netchip.report.tables import Table, arms_table
from netchip.report.template import fill

_OPEN = 3
"""So many runs are shown unfolded."""
Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Settings:
    """Names and values; where a run before it has nearly the same, only what differs from those of `like`."""

    title: str
    rows: Rows
    like: str = ""


@dataclass(frozen=True)
class RunView:
    """A run as the template shows it."""

    run: RunRecord
    anchor: str
    arms: Table
    figures: tuple[FigureView, ...]
    settings: tuple[Settings, ...]
    measured_on: str
    left_out: int
    chip: ChipView | None = None


def build_report(runs: Sequence[Path]) -> str:
    """The HTML page of the given run folders, or of all finished runs below them.

    With several runs it opens with an overview, Pareto fronts, and mean and spread over the seeds of each setting.
    Raises `DataError` naming the file when something is missing or broken.
    """
    return page_of(collect(runs))


def write_report(runs: Sequence[Path], path: Path) -> Path:
    """Builds the page and writes it to `path`, whole or not at all; returns `path`."""
    return write_page(collect(runs), path)


def write_page(found: Collected, path: Path) -> Path:
    """Writes the page of runs that were read to `path`, whole or not at all; returns `path`."""
    write_atomic(Path(path), page_of(found))
    return Path(path)


def page_of(found: Collected) -> str:
    """The page of runs that were read."""
    runs, several = found.runs, len(found.runs) > 1
    grouped = variants(runs)
    drawn = [figure_view(front_figure(front), tuple(front.notes())) for front in fronts(grouped)]
    anchors = [f"run-{place}" for place in range(1, len(runs) + 1)]
    return fill(
        "page.html",
        title=f"{len(runs)} runs" if several else runs[0].title,
        several=several,
        overview=overview_table(runs, anchors) if several else None,
        fronts=drawn,
        seeds=[group for group in grouped if len(group.runs) > 1],
        left_out=found.left_out,
        views=list(_views(runs, grouped, anchors)),
        unfolded=len(runs) <= _OPEN,
    )


def _views(runs: Sequence[RunRecord], grouped: Sequence[Variant], anchors: Sequence[str]) -> Iterator[RunView]:
    figures = run_figures(grouped)
    configs, environments = _Shared("Configuration"), _Shared("Environment")
    for run, anchor in zip(runs, anchors, strict=True):
        shown = figures[run.folder]
        yield RunView(
            run=run,
            anchor=anchor,
            arms=arms_table(run.result.arms),
            figures=shown.views,
            settings=(configs.of(run, run.config), environments.of(run, run.environment)),
            measured_on=", ".join(f"{key}: {value}" for key, value in _flat(run.result.measured_on) if value != "null"),
            left_out=shown.left_out,
            chip=None if run.chip is None else chip_view(read_chip(run.chip)),
        )


class _Shared:
    """Settings run by run: in full for the first of a method, after that what differs, where little does."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._known: dict[str, tuple[str, dict[str, str]]] = {}

    def of(self, run: RunRecord, values: Mapping[str, Any]) -> Settings:
        own = dict(_flat(values))
        like, known = self._known.setdefault(run.result.method, (run.title, own))
        changed = tuple((key, own.get(key, "not set")) for key in {**known, **own} if own.get(key) != known.get(key))
        if own is known or 2 * len(changed) > len(own):
            return Settings(self._title, tuple(own.items()))
        return Settings(self._title, changed, like)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as (dotted name, text) rows."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
