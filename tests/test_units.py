"""Conversions by hand, and formats at the edges of their steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.units import (
    COUNTS,
    HERTZ,
    PICOJOULE_SECONDS,
    PICOJOULES,
    SECONDS,
    SQUARE_MILLIMETRES,
    bits_to_bytes,
    format_bytes,
    format_count,
    format_energy_j,
    format_energy_pj,
    format_percent,
    format_seconds,
    joules_to_pj,
    millijoules_to_joules,
    number_and_unit,
    read_quantity,
    seconds_to_ms,
    share_to_percent,
)


@pytest.mark.parametrize(
    ("written", "split"),
    [
        ("60%", (60.0, "%")),
        (" 3.5 ms ", (3.5, "ms")),
        (".5M", (0.5, "M")),
        ("12", (12.0, "")),
        ("40% rows", (40.0, "% rows")),
        ("-1 s", None),
        ("1e3", None),
        ("", None),
        ("ms", None),
    ],
)
def test_a_number_and_its_unit(written: str, split: tuple[float, str] | None) -> None:
    assert number_and_unit(written) == split


@pytest.mark.parametrize(("bits", "size"), [(0, 0), (1, 1), (8, 1), (9, 2), (16, 2)])
def test_bits_fill_whole_bytes(bits: int, size: int) -> None:
    assert bits_to_bytes(bits) == size


@given(st.integers(0, 10**12))
def test_bytes_hold_their_bits_and_no_more(bits: int) -> None:
    assert 0 <= 8 * bits_to_bytes(bits) - bits < 8


def test_conversions() -> None:
    assert seconds_to_ms(0.25) == 250
    assert millijoules_to_joules(1_250) == 1.25
    assert share_to_percent(0.5) == 50
    assert joules_to_pj(0.5) == 5e11


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.00 k"),
        (12_345, "12.3 k"),
        (999_499, "999 k"),
        (999_999, "1.00 M"),
        (1_234_567, "1.23 M"),
        (1.814e9, "1.81 G"),
        (2e12, "2.00 T"),
        (-1_500, "-1.50 k"),
        (9.996, "10.0"),
        (0.5, "0.50"),
    ],
)
def test_counts(count: float, text: str) -> None:
    assert format_count(count) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (3_145_728, "3.00 MiB"),
        (2**20 - 1, "1.00 MiB"),
        (5 * 2**30, "5.00 GiB"),
    ],
)
def test_bytes(size: int, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2.5e-5, "25.0 us"),
        (0.0123, "12.3 ms"),
        (0.99999, "1.00 s"),
        (4.56, "4.56 s"),
        (59.99, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3_599.7, "1 h 00 min"),
        (7_500, "2 h 05 min"),
        (7_199, "2 h 00 min"),
    ],
)
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("joules", "text"),
    [
        (0.0, "0 J"),
        (0.1204, "120 mJ"),
        (0.99999, "1.00 J"),
        (12.34, "12.3 J"),
        (999.4, "999 J"),
        (999.96, "1.00 kJ"),
        (4_560, "4.56 kJ"),
        (1_204_000, "1.20 MJ"),
        (3.6e9, "3.60 GJ"),
        (-1_500, "-1.50 kJ"),
    ],
)
def test_energy(joules: float, text: str) -> None:
    assert format_energy_j(joules) == text


@given(st.floats(1e-3, 9.9e11))
def test_an_energy_reads_back_within_half_a_digit(joules: float) -> None:
    number, _, unit = format_energy_j(joules).partition(" ")
    scale = {"mJ": 1e-3, "J": 1, "kJ": 1e3, "MJ": 1e6, "GJ": 1e9}[unit]
    assert float(number) * scale == pytest.approx(joules, rel=6e-3)


def test_percent() -> None:
    assert format_percent(97.2222) == "97.22 %"


@given(st.floats(1, 9.9e14))
def test_a_count_reads_back_within_half_a_digit(count: float) -> None:
    number, _, prefix = format_count(count).partition(" ")
    assert float(number) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[prefix] == pytest.approx(count, rel=6e-3)


@pytest.mark.parametrize(
    ("picojoules", "text"),
    [(0, "0 pJ"), (12, "12 pJ"), (3.456e6, "3.46 µJ"), (1.2e9, "1.2 mJ"), (2.5e12, "2.5 J"), (-4e3, "-4 nJ")],
)
def test_energy_in_picojoules(picojoules: float, text: str) -> None:
    assert format_energy_pj(picojoules) == text


@pytest.mark.parametrize(
    ("text", "units", "value"),
    [
        ("12pJ", PICOJOULES, 12),
        ("1.5 nJ", PICOJOULES, 1500),
        ("3 µJ", PICOJOULES, 3e6),
        ("3 \N{GREEK SMALL LETTER MU}J", PICOJOULES, 3e6),
        ("3uJ", PICOJOULES, 3e6),
        ("5e-3J", PICOJOULES, 5e9),
        (".5us", SECONDS, 5e-7),
        ("2.s", SECONDS, 2),
        ("1 mJ*s", PICOJOULE_SECONDS, 1e9),
        ("1 mJ·s", PICOJOULE_SECONDS, 1e9),
        ("7 µm²", SQUARE_MILLIMETRES, 7e-6),
        ("2mm2", SQUARE_MILLIMETRES, 2),
        ("200MHz", HERTZ, 2e8),
        ("40", COUNTS, 40),
        ("1e3k", COUNTS, 1e6),
    ],
)
def test_quantities_are_read(text: str, units: dict[str, float], value: float) -> None:
    assert read_quantity(text, units) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "J", "5", "5 j", "-5J", "+5J", "0J", "5mJ6", "infJ", "nanJ", "1e400J", "1,5J", "5 J J"]
)
def test_what_is_no_quantity_is_told_with_the_units(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no number above 0 with one of the units pJ, nJ, uJ, mJ, J$"):
        read_quantity(text, PICOJOULES)


def test_a_count_needs_no_unit_and_the_message_says_so() -> None:
    with pytest.raises(ValueError, match=r"'5m' is no number above 0 with one of the units k, M, G, T, or with none$"):
        read_quantity("5m", COUNTS)
