"""Figures as the templates show them, see `gallery.html`."""

import base64
from dataclasses import dataclass

from netchip.report.drawing import LegendEntry, draw
from netchip.report.figure import Figure, ImagesFigure, TableFigure


@dataclass(frozen=True)
class FigureView:
    """A figure as the template shows it: a drawing, a table, or pictures."""

    title: str
    svg: str | None
    legend: tuple[LegendEntry, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    table: TableFigure | None = None


def figure_view(figure: Figure) -> FigureView:
    """A figure, drawn."""
    if isinstance(figure, ImagesFigure):
        images = tuple((item.caption, base64.b64encode(item.png).decode()) for item in figure.items)
        return FigureView(figure.title, None, images=images)
    if isinstance(figure, TableFigure):
        return FigureView(figure.title, None, table=figure)
    drawing = draw(figure)
    return FigureView(figure.title, drawing.svg, drawing.legend)
