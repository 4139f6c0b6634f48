"""The frame of a drawing: where its two axes lie, and the grid, numbers and names on them."""

import itertools
import math
from dataclasses import dataclass

from netchip.report.drawing.axis import Axis
from netchip.report.drawing.svg import TEXT, WIDTH, clipped, number, path, text, text_width

_GAP = 5.0
_TOP, _RIGHT = 8.0, 12.0
_MOST_NAME = 150.0
"""Room for the longest name beside the plot."""
_TURN = -35.0
"""Degrees by which long names under the plot are turned."""


@dataclass(frozen=True)
class Frame:
    """Two axes in a box of the drawing; y grows upward unless `y_down`."""

    x: Axis
    y: Axis
    left: float
    right: float
    top: float
    bottom: float
    height: float
    y_down: bool = False
    turned: bool = False

    def x_at(self, value: float) -> float:
        """The horizontal place of a value."""
        return self.left + self.x.share(value) * (self.right - self.left)

    def y_at(self, value: float) -> float:
        """The vertical place of a value, which SVG counts downward."""
        share = self.y.share(value)
        return self.top + (share if self.y_down else 1 - share) * (self.bottom - self.top)

    def shows(self, x: float, y: float) -> bool:
        """Whether both axes have a place for the point."""
        return self.x.shows(x) and self.y.shows(y)

    def place(self, x: float, y: float) -> tuple[float, float] | None:
        """Where the point lies; None where an axis has no place for it."""
        return (self.x_at(x), self.y_at(y)) if self.shows(x, y) else None

    def back(self, *, x_grid: bool = True, y_grid: bool = True) -> str:
        """Grid, edges, numbers and labels, to be drawn under everything else."""
        columns = "".join(
            f"M{number(self.x_at(at))} {number(self.top)}V{number(self.bottom)}" for at, _ in self.x.ticks
        )
        rows = "".join(f"M{number(self.left)} {number(self.y_at(at))}H{number(self.right)}" for at, _ in self.y.ticks)
        edges = f"M{number(self.left)} {number(self.top)}V{number(self.bottom)}H{number(self.right)}"
        grid = path("g", (columns if x_grid else "") + (rows if y_grid else ""))
        return grid + path("a", edges) + self._x_text() + self._y_text()

    def _x_text(self) -> str:
        baseline = self.bottom + _GAP + 0.8 * TEXT
        if self.turned:
            ticks = [
                text(self.x_at(at) + _GAP, baseline, clipped(name, _MOST_NAME), anchor="end", turn=_TURN)
                for at, name in self.x.ticks
            ]
        else:
            ticks = [text(self.x_at(at), baseline, name, anchor="middle") for at, name in self.x.ticks]
        middle = (self.left + self.right) / 2
        label = text(middle, self.height - _GAP, self.x.label, anchor="middle") if self.x.label else ""
        return "".join(ticks) + label

    def _y_text(self) -> str:
        ticks = [
            text(self.left - _GAP, self.y_at(at) + 0.35 * TEXT, clipped(name, _MOST_NAME), anchor="end")
            for at, name in self.y.ticks
        ]
        middle = (self.top + self.bottom) / 2
        beside = self.left - 2 * _GAP - _longest(self.y)
        label = text(beside, middle, self.y.label, anchor="middle", turn=-90.0) if self.y.label else ""
        return "".join(ticks) + label


def frame(x: Axis, y: Axis, height: float, *, y_down: bool = False, right: float = _RIGHT) -> Frame:
    """A frame as wide as the drawing, with the room that its numbers and names need; names that would touch are turned."""
    left = 2 * _GAP + _longest(y) + (1.4 * TEXT if y.label else 0.0)
    turned = _touch(x, WIDTH - left - right)
    under = 2 * _GAP + TEXT + (1.4 * TEXT if x.label else 0.0)
    if turned:
        left = max(left, _reach(x, left, right))
        under += _longest(x) * math.sin(math.radians(-_TURN)) - 0.2 * TEXT
    half = text_width(x.ticks[-1][1]) / 2 if x.ticks and not turned else 0.0
    end = WIDTH - max(right, half * (x.share(x.ticks[-1][0]) > 0.97) if x.ticks else 0.0)
    return Frame(x, y, left, end, _TOP, height - under, height, y_down, turned)


def _longest(axis: Axis) -> float:
    """Room of the longest of the texts along an axis."""
    return max((min(text_width(name), _MOST_NAME) for _, name in axis.ticks), default=0.0)


def _touch(axis: Axis, room: float) -> bool:
    """Whether the texts of neighbouring ticks would run into each other."""
    ends = [(room * axis.share(at), text_width(name) / 2) for at, name in axis.ticks]
    return any(b - a < half_a + half_b + _GAP for (a, half_a), (b, half_b) in itertools.pairwise(ends))


def _reach(axis: Axis, left: float, right: float) -> float:
    """The margin that turned names need to the left, which the first of them may overhang."""
    lean = math.cos(math.radians(-_TURN))
    room = WIDTH - left - right
    return max(min(text_width(name), _MOST_NAME) * lean - axis.share(at) * room for at, name in axis.ticks)
