"""The names every other file speaks in: loop dimensions, operands, moves, and which dimension touches which operand."""

from typing import Literal, get_args

Dim = Literal["B", "G", "K", "C", "OY", "OX", "FY", "FX"]
Operand = Literal["W", "I", "O"]
Move = Literal["read", "fill", "update", "drain"]

DIMS: tuple[Dim, ...] = get_args(Dim)
"""Batch, groups, output channels, input channels, output row and column, kernel row and column: the axis `dim`."""

OPERANDS: tuple[Operand, ...] = get_args(Operand)
"""Weights (or the second activation of a product), inputs, outputs: the axis `operand`."""

MOVES: tuple[Move, ...] = get_args(Move)
"""How data passes a memory: `read` out toward the MACs, `fill` in from the memory above, `update` in from below (outputs),
`drain` out to the memory above (outputs). Partial sums that come back are a `read` and a `fill` of O."""

READS: tuple[Move, ...] = ("read", "drain")
WRITES: tuple[Move, ...] = ("fill", "update")

DIRECT: dict[Operand, tuple[Dim, ...]] = {
    "W": ("G", "K", "C", "FY", "FX"),
    "I": ("B", "G", "C", "OY", "OX", "FY", "FX"),
    "O": ("B", "G", "K", "OY", "OX"),
}
TRANSPOSED: dict[Operand, tuple[Dim, ...]] = {
    "W": ("G", "K", "C", "FY", "FX"),
    "I": ("B", "G", "C", "OY", "OX"),
    "O": ("B", "G", "K", "OY", "OX", "FY", "FX"),
}


def relevant(operand: Operand, *, transposed: bool = False) -> tuple[Dim, ...]:
    """Dimensions whose loop changes which elements of `operand` are used; all others reuse them.

    A transposed convolution loops over its inputs' positions, so its window (OY with FY, OX with FX) lies on the outputs.
    """
    return (TRANSPOSED if transposed else DIRECT)[operand]


def moves_of(operand: Operand, *, top: bool) -> tuple[Move, ...]:
    """Moves that a memory makes with `operand`; its outermost memory exchanges nothing with a memory above."""
    if operand == "O":
        return ("read", "update") if top else ("read", "fill", "update", "drain")
    return ("read",) if top else ("read", "fill")
