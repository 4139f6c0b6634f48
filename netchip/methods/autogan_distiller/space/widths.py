"""Widths to choose from: shares of a base width, rounded as the paper rounds them."""

from collections.abc import Sequence

PAPER_SHARES = (4 / 12, 6 / 12, 8 / 12, 10 / 12, 1.0)


def rounded(channels: float, multiple: int = 8, least: int = 3) -> int:
    """The nearest multiple of `multiple`, at least `least`, and not more than a tenth below `channels` (MobileNet's rule)."""
    width = max(least, int(channels + multiple / 2) // multiple * multiple)
    return width + multiple if width < 0.9 * channels else width


def shares(base: int, of: Sequence[float] = PAPER_SHARES, *, multiple: int = 8) -> tuple[int, ...]:
    """`base` times each share, rounded; ascending and each once.

    >>> shares(256)
    (88, 128, 168, 216, 256)
    """
    return tuple(sorted({rounded(base * share, multiple) for share in of}))
