"""Figures as the templates show them, see `gallery.html`."""

import base64
from dataclasses import dataclass

from netchip.report.drawing.draw import draw
from netchip.report.drawing.svg import LegendEntry
from netchip.report.figure import Figure, ImagesFigure, TableFigure


@dataclass(frozen=True)
class FigureView:
    """A figure as the template shows it: a drawing, a table, or pictures; under it `notes`, a line each."""

    title: str
    svg: str | None
    legend: tuple[LegendEntry, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    table: TableFigure | None = None
    notes: tuple[str, ...] = ()


def figure_view(figure: Figure, notes: tuple[str, ...] = ()) -> FigureView:
    """A figure, drawn."""
    if isinstance(figure, ImagesFigure):
        images = tuple((item.caption, base64.b64encode(item.png).decode()) for item in figure.items)
        return FigureView(figure.title, None, images=images, notes=notes)
    if isinstance(figure, TableFigure):
        return FigureView(figure.title, None, table=figure, notes=figure.notes + notes)
    drawing = draw(figure)
    return FigureView(figure.title, drawing.svg, drawing.legend, notes=notes)
