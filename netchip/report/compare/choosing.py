"""Which figures of which runs a page draws: all, as long as it stays small."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netchip.report.compare.layers import layer_tables
from netchip.report.compare.seeds import Variant
from netchip.report.curves import curves
from netchip.report.figure import Figure
from netchip.report.gallery import FigureView, figure_view
from netchip.report.record import RunRecord

_ROOM = 4_000_000
"""Letters of HTML for the figures of all runs."""
_CELL, _FRAME = 15, 300
"""Letters around a cell of a table, and around a figure."""


@dataclass(frozen=True)
class RunFigures:
    """The figures of a run in their order, and how many found no room."""

    views: tuple[FigureView, ...]
    left_out: int


def run_figures(grouped: Sequence[Variant], room: int = _ROOM) -> dict[Path, RunFigures]:
    """For each run's folder its figures: learning curves, its own, its layers.

    Where there are too many, curves and layers of all runs come before the runs' own figures, and the first seed of every
    setting before the second of any. A run alone always has all of its figures.
    """
    ranked = _ranked(grouped)
    if len(ranked) == 1:
        room = -1
    left = _Room(room)
    curved = [left.of(curves(run.metrics)) for run in ranked]
    layered = [left.of(layer_tables(run.dense, run.efficient)) for run in ranked]
    own = [left.of(run.figures) for run in ranked]
    parts = zip(ranked, curved, own, layered, strict=True)
    return {
        run.folder: RunFigures(a.views + b.views + c.views, a.left_out + b.left_out + c.left_out)
        for run, a, b, c in parts
    }


class _Room:
    """Room that figures take up one by one; -1 is without end."""

    def __init__(self, letters: int) -> None:
        self._letters = letters

    def of(self, figures: Iterable[Figure]) -> RunFigures:
        views: list[FigureView] = []
        figures = tuple(figures)
        for figure in figures:
            if self._letters:
                view = figure_view(figure)
                if self._fits(_size(view)):
                    views.append(view)
        return RunFigures(tuple(views), len(figures) - len(views))

    def _fits(self, size: int) -> bool:
        if self._letters == -1:
            return True
        fits = size <= self._letters
        self._letters -= size if fits else 0
        return fits


def _ranked(grouped: Sequence[Variant]) -> list[RunRecord]:
    places = sorted((place, index) for index, group in enumerate(grouped) for place in range(len(group.runs)))
    return [grouped[index].runs[place] for place, index in places]


def _size(view: FigureView) -> int:
    """About how many letters of HTML a figure takes."""
    cells = [cell for row in view.table.rows for cell in row] if view.table else []
    texts = [view.svg or "", *cells, *(part for image in view.images for part in image), *view.notes]
    return _FRAME + sum(map(len, texts)) + _CELL * len(cells) + 100 * len(view.legend)
