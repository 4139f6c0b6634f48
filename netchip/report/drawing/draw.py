"""Any figure as a drawing. A new kind of figure is a function beside these and a case here."""

from netchip.report.drawing.bars import draw_bars
from netchip.report.drawing.heatmap import draw_heatmap
from netchip.report.drawing.lines import draw_line
from netchip.report.drawing.scatter import draw_scatter
from netchip.report.drawing.svg import Drawing
from netchip.report.figure import Drawn, HeatmapFigure, LineFigure, ScatterFigure


def draw(figure: Drawn) -> Drawing:
    """Any figure that is drawn."""
    if isinstance(figure, LineFigure):
        return draw_line(figure)
    if isinstance(figure, ScatterFigure):
        return draw_scatter(figure)
    return draw_heatmap(figure) if isinstance(figure, HeatmapFigure) else draw_bars(figure)
