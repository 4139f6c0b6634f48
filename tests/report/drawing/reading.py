"""What a drawing says, read back out of its SVG."""

import re

from netchip.report.drawing.svg import Drawing


def texts(drawing: Drawing) -> list[str]:
    """All its texts."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawing.svg)


def paths(drawing: Drawing, kind: str) -> list[str]:
    """The data of its paths of a class."""
    return [
        data for names, data in re.findall(r'<path class="([^"]*)" d="([^"]*)"', drawing.svg) if kind in names.split()
    ]
