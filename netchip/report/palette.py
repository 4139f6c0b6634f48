"""The colours of a page. SVG is drawn in sentinel colours that are then replaced by CSS variables, so that one drawing
serves light and dark. Series colours follow Okabe and Ito (2008), told apart by the colour-blind; each also has its
own dash and mark, so that nothing hangs on colour alone."""

INK, MUTED, GRID, MARK, SURFACE = "#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04", "#0a0b05"
SERIES = tuple(f"#0a0c{index:02x}" for index in range(1, 9))
DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 2.0), (1.0, 1.6), (6.0, 2.0, 1.0, 2.0))
POINTS = ("o", "s", "^", "D", "v", "P", "X", "*")

_VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid", MARK: "mark", SURFACE: "surface"}
_VARIABLES |= {sentinel: f"series-{index}" for index, sentinel in enumerate(SERIES, 1)}


def series_colour(index: int) -> str:
    """The sentinel of the index-th series; they repeat after eight."""
    return SERIES[index % len(SERIES)]


def series_variable(index: int) -> str:
    """The CSS variable of the index-th series, as `style.css` names it."""
    return _VARIABLES[series_colour(index)]


def series_dash(index: int) -> tuple[float, ...]:
    """The index-th dash in line widths: none for the first, then changing."""
    return DASHES[(index + index // len(SERIES)) % len(DASHES)]


def series_point(index: int) -> str:
    """The mark drawn at the values of the index-th series."""
    return POINTS[index % len(POINTS)]


def themed(svg: str) -> str:
    """`svg` with every sentinel replaced by its CSS variable."""
    for sentinel, variable in _VARIABLES.items():
        svg = svg.replace(sentinel, f"var(--{variable})")
    return svg
