"""How series are told apart: eight colours after Okabe and Ito (2008), distinct for the colour-blind, as classes of
`style.css`; each also has its own dash and mark, so that nothing hangs on colour alone."""

COLOURS = 8
DASHES = 4


def series_class(index: int) -> str:
    """The class that sets the colour of the index-th series; they repeat after eight."""
    return f"s{index % COLOURS + 1}"


def dash_class(index: int) -> str:
    """The class that sets the dash of the index-th series: a whole line for the first, then changing."""
    return f"d{(index + index // COLOURS) % DASHES + 1}"
