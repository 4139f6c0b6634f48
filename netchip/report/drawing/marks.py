"""The marks of points, as paths: each series its own shape. `o` and `q` are drawn with the round and square ends of lines."""

from collections.abc import Iterable

from netchip.report.drawing.svg import number, path
from netchip.report.palette import series_class

_SHAPES = (
    ("o", "h0"),
    ("q", "h0"),
    ("f", "m0-3.5l3.5 6h-7z"),
    ("f", "m0-3.7l3.7 3.7-3.7 3.7-3.7-3.7z"),
    ("f", "m0 3.5l3.5-6h-7z"),
    ("w", "m-3.2 0h6.4m-3.2-3.2v6.4"),
    ("w", "m-2.6-2.6l5.2 5.2m0-5.2l-5.2 5.2"),
    ("f", "m0-4l1 3h3l-2.4 1.8.9 2.9-2.5-1.8-2.5 1.8.9-2.9-2.4-1.8h3z"),
)


def marks(places: Iterable[tuple[float, float]], colour: int, shape: int, kind: str = "") -> str:
    """A mark at every place; `kind` is a further class, such as one that makes them larger."""
    way, outline = _SHAPES[shape % len(_SHAPES)]
    names = f"{way} {series_class(colour)}{f' {kind}' if kind else ''}"
    return path(names, "".join(f"M{number(x)} {number(y)}{outline}" for x, y in places))
