"""Ranges and ticks, worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.report.drawing.axis import linear_axis, log_axis, names_axis

FINITE = st.floats(-1e12, 1e12, allow_nan=False)


def written(axis: object) -> list[str]:
    return [text for _, text in axis.ticks]  # type: ignore[attr-defined]


def test_a_linear_axis_has_a_margin_and_round_ticks() -> None:
    axis = linear_axis([0.0, 10.0], margin=0.1)
    assert (axis.low, axis.high) == (-1.0, 11.0)
    assert written(axis) == ["0", "2", "4", "6", "8", "10"]
    assert axis.share(5.0) == 0.5


def test_bars_begin_at_zero_without_a_margin_there() -> None:
    assert linear_axis([3.0, 7.0], from_zero=True, margin=0.0).low == 0.0
    below = linear_axis([-4.0, -2.0], from_zero=True, margin=0.25)
    assert (below.low, below.high) == (-5.0, 0.0)


def test_one_value_and_none_still_have_an_axis() -> None:
    assert (linear_axis([2.0], margin=0.0).low, linear_axis([2.0], margin=0.0).high) == (1.5, 2.5)
    assert linear_axis([math.nan, math.inf]).low < linear_axis([]).high


@given(st.lists(FINITE, max_size=5))
def test_every_tick_and_every_value_lies_on_a_linear_axis(values: list[float]) -> None:
    axis = linear_axis(values)
    assert 1 <= len(axis.ticks) <= 8
    assert all(-1e-6 <= axis.share(place) <= 1 + 1e-6 for place in [*values, *(at for at, _ in axis.ticks)])


@given(st.lists(st.floats(1e-12, 1e12), max_size=5))
def test_every_tick_and_every_value_lies_on_a_logarithmic_axis(values: list[float]) -> None:
    axis = log_axis(values)
    assert 1 <= len(axis.ticks) <= 16
    assert all(-1e-6 <= axis.share(place) <= 1 + 1e-6 for place in [*values, *(at for at, _ in axis.ticks)])


def test_a_narrow_logarithmic_axis_has_numbers_between_the_powers_of_ten() -> None:
    assert written(log_axis([1.0, 10.0], margin=0.0)) == ["1", "2", "5", "10"]
    assert written(log_axis([0.01, 100.0], margin=0.0)) == ["0.01", "0.1", "1", "10", "100"]
    assert len(written(log_axis([68.0, 70.0]))) >= 2


@pytest.mark.parametrize(
    ("value", "seen"), [(1.0, True), (0.0, False), (-1.0, False), (math.nan, False), (math.inf, False)]
)
def test_what_a_logarithmic_axis_has_no_place_for(value: float, seen: bool) -> None:
    assert log_axis([1.0, 2.0]).shows(value) is seen


def test_large_numbers_have_a_prefix() -> None:
    assert written(linear_axis([0.0, 2e6], margin=0.0, most=4)) == ["0", "500 k", "1 M", "1.5 M", "2 M"]


def test_of_many_names_every_so_manieth_is_written() -> None:
    assert names_axis(["a", "b"]).ticks == ((0.0, "a"), (1.0, "b"))
    assert written(names_axis([str(index) for index in range(10)], most=5)) == ["0", "2", "4", "6", "8"]
