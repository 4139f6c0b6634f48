"""Which loops run side by side on the array: the templates of the generic space."""

from dataclasses import dataclass

from netchip.hardware.dimensions import Dim

TILED: tuple[Dim, ...] = ("K", "C", "OY", "OX", "FY", "FX")
"""The loops that are tiled by ratios. In a depthwise layer groups take the place of K; other groups and the batch stay outside."""

ORDERED: tuple[Dim, ...] = ("B", *TILED)
"""The loops that are put in order at each level; the groups stand next to K."""


@dataclass(frozen=True)
class ArrayTemplate:
    """Loops unrolled on the array, by name; every one of `TILED`, at most."""

    name: str
    unrolls: tuple[Dim, ...]


ARRAYS: tuple[ArrayTemplate, ...] = (
    ArrayTemplate("kernel", ("FX", "FY", "C", "K")),
    ArrayTemplate("kernel_column_by_row", ("FX", "OX", "C", "K")),
    ArrayTemplate("kernel_row_by_column", ("FY", "OX", "C", "K")),
    ArrayTemplate("output", ("OY", "OX", "K")),
)
"""The four of autoai2c: K_col is FX, K_row is FY there."""
