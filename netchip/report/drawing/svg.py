"""The few SVG elements that drawings are made of. Colours are classes of `style.css`, so that one drawing serves light and
dark; lengths are in units of a drawing `WIDTH` wide that the page scales."""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from netchip.report.palette import series_class

WIDTH = 400.0
TEXT = 12.0
"""Height of letters."""
_NARROW, _WIDE = frozenset("il.,:;|'!()[]tfjrI "), frozenset("mwMW@%—")
_ANCHORS = {"start": "", "middle": "c", "end": "e"}


@dataclass(frozen=True)
class LegendEntry:
    """A name beside its colour and dash or mark ("" for areas), for the legend that the page sets in HTML.

    Colour and dash are classes of `style.css`, the mark an SVG path around (0, 0).
    """

    name: str
    colour: str
    dash: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Drawing:
    """An SVG and its legend."""

    svg: str
    legend: tuple[LegendEntry, ...] = ()


def number(value: float) -> str:
    """A coordinate to a tenth of a unit, in as few letters as that takes."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def text_width(text: str) -> float:
    """Room that a text takes at most, in units; fonts differ, so this is a generous estimate."""
    return TEXT * sum(0.36 if char in _NARROW else 0.92 if char in _WIDE else 0.62 for char in text)


def document(parts: Iterable[str], height: float) -> str:
    """The whole drawing, `WIDTH` x `height`."""
    return f'<svg viewBox="0 0 {number(WIDTH)} {number(height)}">{"".join(parts)}</svg>'


def path(kind: str, data: str) -> str:
    """A path of the class `kind`; nothing where there is no data."""
    return f'<path class="{kind}" d="{data}"/>' if data else ""


def text(x: float, y: float, content: str, *, anchor: str = "start", kind: str = "", turn: float = 0.0) -> str:
    """One line of text, its baseline at (x, y), turned by so many degrees."""
    names = " ".join(filter(None, (_ANCHORS[anchor], kind)))
    attributes = f' class="{names}"' if names else ""
    if turn:
        attributes += f' transform="rotate({number(turn)} {number(x)} {number(y)})"'
    return f'<text x="{number(x)}" y="{number(y)}"{attributes}>{escape(content)}</text>'


def thick_path(series: int, data: str, thickness: float) -> str:
    """Bars as one path, each a line as thick as the bar."""
    return path(f"b {series_class(series)}", data).replace("/>", f' stroke-width="{number(thickness)}"/>')


def clipped(content: str, room: float) -> str:
    """The text, its end replaced by an ellipsis where it needs more than `room` units."""
    if text_width(content) <= room:
        return content
    while content and text_width(content) > room - TEXT:
        content = content[:-1]
    return f"{content}…"
