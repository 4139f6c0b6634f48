"""Conversions, formatting and reading of quantities. Nothing else in netchip converts units."""

import re
from collections.abc import Mapping

BITS_PER_BYTE = 8
PICOJOULES = {"pJ": 1.0, "nJ": 1e3, "uJ": 1e6, "mJ": 1e9, "J": 1e12}
PICOJOULE_SECONDS = {f"{unit}s": size for unit, size in PICOJOULES.items()}
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
HERTZ = {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
SQUARE_MILLIMETRES = {"um2": 1e-6, "mm2": 1.0, "cm2": 100.0}
COUNTS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?([A-Za-z]*[0-9]?)")
_AS_TYPED = str.maketrans({"µ": "u", "μ": "u", "²": "2", "·": None, "*": None, " ": None})
_COUNT_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_JOULE_STEPS = ((1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ"), (1.0, "J"))
_PICOJOULE_STEPS = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"))
_BYTE_STEPS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
_NUMBER_AND_UNIT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-zA-Z%]*(?: [a-zA-Z]+)?)\s*")


def number_and_unit(written: str) -> tuple[float, str] | None:
    """'3.5 ms' -> (3.5, 'ms'), '60%' -> (60.0, '%'), '12' -> (12.0, ''); None for what is no number with its unit."""
    match = _NUMBER_AND_UNIT.fullmatch(written)
    return (float(match[1]), match[2]) if match else None


def bits_to_bytes(bits: int) -> int:
    """Whole bytes that hold `bits` bits (rounded up)."""
    return -(-bits // BITS_PER_BYTE)


def seconds_to_ms(seconds: float) -> float:
    """Seconds in milliseconds."""
    return seconds * 1e3


def millijoules_to_joules(millijoules: float) -> float:
    """Millijoules in joules."""
    return millijoules / 1e3


def joules_to_pj(joules: float) -> float:
    """Joules in picojoules."""
    return joules * 1e12


def share_to_percent(share: float) -> float:
    """A share in [0, 1] in per cent."""
    return share * 100.0


def read_quantity(text: str, units: Mapping[str, float]) -> float:
    """'3.5 ms' as a number, by what each unit is worth (`SECONDS`, ...); µ may be written u, and ² as 2.

    Raises `ValueError` that shows how to write one: a number above 0 and one of the units.
    """
    found = _QUANTITY.fullmatch(text.translate(_AS_TYPED))
    value = float(found[1] + (found[2] or "")) * units[found[3]] if found and found[3] in units else 0.0
    if not 0 < value < float("inf"):
        known = ", ".join(unit for unit in units if unit)
        bare = ", or with none" if "" in units else ""
        raise ValueError(f"{text!r} is no number above 0 with one of the units {known}{bare}")
    return value


def format_count(count: float) -> str:
    """A count with three significant digits and a decimal prefix: 1_234_567 -> '1.23 M'."""
    rounded = _rounded(count)
    for step, prefix in _COUNT_STEPS:
        if abs(rounded) >= step:
            return f"{_three_digits(count / step)} {prefix}"
    return f"{int(count)}" if float(count).is_integer() else _three_digits(count)


def format_bytes(size: int) -> str:
    """A size in bytes with a binary prefix: 3_145_728 -> '3.00 MiB'."""
    for step, prefix in _BYTE_STEPS:
        if size >= step - step // 2048:  # what would round to 1024 of the prefix below
            return f"{_three_digits(size / step)} {prefix}"
    return f"{size} B"


def format_seconds(seconds: float) -> str:
    """A duration: '12.3 ms', '4.56 s', '3 min 20 s', '2 h 05 min'."""
    rounded = _rounded(seconds)
    if rounded < 1e-3:
        return f"{_three_digits(seconds * 1e6)} us"
    if rounded < 1:
        return f"{_three_digits(seconds * 1e3)} ms"
    if rounded < 60:
        return f"{_three_digits(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def format_energy_j(joules: float) -> str:
    """An energy given in joules: '120 mJ', '12.3 J', '4.56 kJ', '1.20 MJ'."""
    rounded = _rounded(joules)
    for step, unit in _JOULE_STEPS:
        if abs(rounded) >= step:
            return f"{_three_digits(joules / step)} {unit}"
    return "0 J" if joules == 0 else f"{_three_digits(joules * 1e3)} mJ"


def format_percent(percent: float) -> str:
    """A percentage with two decimals: '97.22 %'."""
    return f"{percent:.2f} %"


def format_energy_pj(picojoules: float) -> str:
    """An energy given in picojoules: '12 pJ', '3.46 µJ', '1.2 mJ', '2.5 J'."""
    for step, unit in _PICOJOULE_STEPS:
        if abs(picojoules) >= step:
            return f"{picojoules / step:.3g} {unit}"
    return f"{picojoules:.3g} pJ"


def _rounded(value: float) -> float:
    """To three significant digits, so that 999.9 k counts as 1.00 M."""
    return float(f"{value:.3g}")


def _three_digits(value: float) -> str:
    size = abs(_rounded(value))
    if size >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"
