"""Where the names of points go: beside them, where they cover neither a point nor another name."""

from collections.abc import Sequence
from dataclasses import dataclass

from netchip.report.drawing.frame import Frame
from netchip.report.drawing.svg import TEXT, text, text_width

_OFF, _APART = 6.0, 2.0
_POINT = 4.0
"""Half the side of the square that a point takes."""


@dataclass(frozen=True)
class _Room:
    """A rectangle that is taken."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Room") -> bool:
        beside = self.left < other.right and other.left < self.right
        return beside and self.top < other.bottom and other.top < self.bottom

    def inside(self, box: Frame) -> bool:
        return (
            box.left - _OFF <= self.left
            and self.right <= box.right + _OFF
            and box.top - _OFF <= self.top
            and self.bottom <= box.bottom
        )


def labels(box: Frame, points: Sequence[tuple[float, float]], named: Sequence[tuple[float, float, str]]) -> str:
    """The names at (x, y), the first ones first; a name for which there is no room is left out."""
    taken = [_Room(x - _POINT, y - _POINT, x + _POINT, y + _POINT) for x, y in points]
    found = []
    for x, y, name in named:
        for left, baseline, anchor in _places(x, y):
            room = _room(left, baseline, anchor, name)
            if room.inside(box) and not any(map(room.meets, taken)):
                taken.append(room)
                found.append(text(left, baseline, name, anchor=anchor, kind="n"))
                break
    return "".join(found)


def _places(x: float, y: float) -> tuple[tuple[float, float, str], ...]:
    """(x, baseline, anchor): right, left, above, below, and the corners."""
    middle, above, below = y + 0.35 * TEXT, y - _OFF, y + _OFF + 0.75 * TEXT
    return (
        (x + _OFF, middle, "start"),
        (x - _OFF, middle, "end"),
        (x, above, "middle"),
        (x, below, "middle"),
        (x + _OFF, above, "start"),
        (x + _OFF, below, "start"),
        (x - _OFF, above, "end"),
        (x - _OFF, below, "end"),
    )


def _room(x: float, baseline: float, anchor: str, name: str) -> _Room:
    width = text_width(name)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return _Room(left - _APART, baseline - 0.8 * TEXT, left + width + _APART, baseline + 0.2 * TEXT)
