"""What a multiply-accumulate costs, from tables of arithmetic (Horowitz, Aladdin)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from netchip.errors import RequestError
from netchip.hardware.sram import smooth_sram
from netchip.hardware.tables import read_table

_MULTIPLY_GROWTH, _ADD_GROWTH = 2, 1
"""Powers of the width that a multiplier and an adder grow with, where the table does not hold it."""


@dataclass(frozen=True)
class MacPrice:
    """Energy in pJ of one multiply-accumulate, area in mm2 of the unit, and the source of each."""

    pj: float
    mm2: float
    source: str
    area_source: str


@cache
def mac_tables() -> dict[str, dict[str, Any]]:
    """The tables by name: figures by kind and width, with their sources."""
    return read_table("macs")


def mac_price(table: str, bits: int, sum_bits: int, nm: float | None = None) -> MacPrice:
    """Price of multiplying integers of `bits` bits and adding the product to a sum of `sum_bits` bits.

    A width that the table does not hold is scaled from the nearest it holds: a multiplier with the square of the width, an
    adder with the width. At another `nm` than the table's, energy and area are scaled as the fit of the SRAM table scales a
    read and an area. Both are said in the source. Raises `RequestError` for a table that is not there.
    """
    known = mac_tables()
    if table not in known:
        raise RequestError(f"there is no table of arithmetic {table!r}; there are {', '.join(known)}")
    figures = known[table]
    notes = [f"multiply int{bits} + add int{sum_bits}"]
    if f"int{bits}" not in figures["multiply_pj"] or f"int{sum_bits}" not in figures["add_pj"]:
        notes.append("scaled from the widths in the table")
    energy_scale, area_scale = _node(nm, figures["nm"])
    if energy_scale != 1:
        notes.append(f"scaled from {figures['nm']} to {nm:g} nm as the SRAM fit")
    return MacPrice(
        pj=_pair(figures, "pj", bits, sum_bits) * energy_scale,
        mm2=_pair(figures, "um2", bits, sum_bits) * 1e-6 * area_scale,
        source=f"{figures['source']}; {', '.join(notes)}",
        area_source=f"{figures['area_source']}; {', '.join(notes)}",
    )


def _pair(figures: Mapping[str, Any], unit: str, bits: int, sum_bits: int) -> float:
    multiply = _at(figures[f"multiply_{unit}"], bits, _MULTIPLY_GROWTH)
    return multiply + _at(figures[f"add_{unit}"], sum_bits, _ADD_GROWTH)


def _at(by_type: Mapping[str, float], bits: int, growth: int) -> float:
    """The figure of an integer of `bits` bits."""
    widths = {int(name.removeprefix("int")): figure for name, figure in by_type.items() if name.startswith("int")}
    nearest = min(widths, key=lambda width: abs(math.log(width / bits)))
    return widths[nearest] * (bits / nearest) ** growth


def _node(nm: float | None, table_nm: float) -> tuple[float, float]:
    """Factors of energy and area from the table's node to `nm`."""
    if nm is None or nm == table_nm:
        return 1.0, 1.0
    here, there = smooth_sram(1, 128, nm), smooth_sram(1, 128, table_nm)
    return here.read_pj / there.read_pj, here.mm2 / there.mm2
