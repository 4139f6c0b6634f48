"""The temporal loops of a batch, as what the cost formulas need of them: extents, periods and what slides, level by level.

Level a of an operand's chain lies below memory a: level 0 is the MAC's own operand, level a the tile in memory a - 1, the last
level the whole operand in its outermost memory.
"""

from dataclasses import dataclass

from netchip.hardware.counting.arithmetic import Number
from netchip.hardware.dimensions import Dim, Operand

Pair = tuple[Number, Number]
WINDOW: tuple[Dim, Dim, Dim, Dim] = ("OY", "FY", "OX", "FX")
"""Dimensions of a window: an output and a kernel position along each axis."""


@dataclass(frozen=True)
class Extent:
    """How far loops reach: the product over an operand's plain dimensions, and for the operand with the window, its axes.

    `windows` holds (OY, FY) and (OX, FX), or nothing where these four are plain or irrelevant.
    """

    plain: Number
    windows: tuple[Pair, Pair] | None = None


@dataclass(frozen=True)
class Slide:
    """The innermost loop above a tile, where nothing irrelevant runs inside it: `bound` steps of a window's dimension.

    `axis` is its place in `WINDOW`, and -1 where the loop is none of these.
    """

    axis: Number
    bound: Number


@dataclass(frozen=True)
class Nest:
    """Loops of a batch. `steps` = T, all temporal steps. By operand and level: `extents` of the loops below; `loads` = N, how
    often the tile is replaced, loops directly above it that reuse it left out; `slides` of the operand with the window, or
    nothing where it does not matter.
    """

    steps: Number
    extents: dict[Operand, tuple[Extent, ...]]
    loads: dict[Operand, tuple[Number, ...]]
    slides: tuple[Slide, ...] = ()
