"""What an SRAM costs: CACTI 7's table, interpolated, and smooth fits to it for gradients.

The table holds 22, 45 and 65 nm, 4 KiB to 2 MiB, 64 to 256 bits. Outside it nothing is guessed: below 4 KiB a designer takes
registers, above 2 MiB banks. The power law answers everywhere, but is off by 9.6 % in the median and 35 % at worst.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from netchip.errors import RequestError
from netchip.hardware.tables import read_table
from netchip.units import BITS_PER_BYTE

_KIB_BITS = 1024 * BITS_PER_BYTE
_Cell = tuple[float, float, float]


@dataclass(frozen=True)
class SramPrice:
    """Energy in pJ of one read and one write of the full width, and the area in mm2. Numbers, or arrays of them."""

    read_pj: Any
    write_pj: Any
    mm2: Any


@dataclass(frozen=True)
class SramTable:
    """Rows by nanometres, KiB and width in bits, and where they come from."""

    source: str
    axes: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    cells: Mapping[tuple[float, float, float], _Cell]


@cache
def sram_table() -> SramTable:
    """The table that netchip brings along."""
    data = read_table("sram_cacti7")
    rows = cast("dict[float, dict[float, dict[float, list[float]]]]", data["nm"])
    cells = {
        (nm, kib, width): cast("_Cell", tuple(cell))
        for nm, sizes in rows.items()
        for kib, widths in sizes.items()
        for width, cell in widths.items()
    }
    nodes, sizes, widths = (tuple(sorted({key[axis] for key in cells})) for axis in range(3))
    return SramTable(data["source"], (nodes, sizes, widths), cells)


def sram_price(bits: float, width_bits: float, nm: float) -> SramPrice:
    """Price of an SRAM of `bits` bits, read and written `width_bits` bits at a time, from CACTI's table.

    Between the table's points the logarithm of each figure is interpolated linearly in log(size), log(width) and log(nm).
    Raises `RequestError` outside the table, with what to do.
    """
    table, kib = sram_table(), bits / _KIB_BITS
    asked = (("technology", "nm", nm), ("size", "KiB", kib), ("width", "bits", width_bits))
    near = [_near(*each, points) for each, points in zip(asked, table.axes, strict=True)]
    total = [0.0, 0.0, 0.0]
    for corner in itertools.product(*near):
        cell = table.cells[corner[0][0], corner[1][0], corner[2][0]]
        weight = math.prod(share for _, share in corner)
        total = [sum_ + weight * math.log(figure) for sum_, figure in zip(total, cell, strict=True)]
    return SramPrice(*map(math.exp, total))


def smooth_sram(bits: Any, width_bits: Any, nm: Any) -> SramPrice:
    """A power law fitted to the same table: smooth, for gradients, of numbers or of arrays of any namespace.

    In the table's range its error is 9.6 % in the median and 35 % at worst (reads), 7.9 % and 23 % (writes), 4.8 % and 33 %
    (area). Report figures from `sram_price`.
    """
    kib, width, node = bits / _KIB_BITS, width_bits / 128, nm / 45
    return SramPrice(
        read_pj=2.816 * kib**0.608 * width**0.564 * node**1.671,
        write_pj=6.279 * kib**0.473 * width**0.896 * node**1.732,
        mm2=0.00886 * kib**0.968 * width**0.108 * node**1.921,
    )


_MENDS = {
    "technology": "take the nearest node of the table, or state read_pj and write_pj with their source",
    "size": "split a large one into banks, state read_pj and write_pj with their source, or take the fit (extrapolate: true)",
    "width": "state another access_bits, split a wide one into lanes, or take the fit (extrapolate: true)",
}


def _near(what: str, unit: str, value: float, points: Sequence[float]) -> list[tuple[float, float]]:
    """The points on both sides of `value` with their shares, which add up to 1."""
    if not points[0] <= value <= points[-1]:
        raise RequestError(
            f"an SRAM's {what} of {value:g} {unit} is outside CACTI's table, {points[0]:g} to {points[-1]:g} {unit}; "
            f"{_MENDS[what]}"
        )
    upper = next(point for point in points if point >= value)
    if upper == value:
        return [(upper, 1.0)]
    lower = points[points.index(upper) - 1]
    share = math.log(value / lower) / math.log(upper / lower)
    return [(lower, 1.0 - share), (upper, share)]
