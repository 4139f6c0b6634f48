"""Stalls by hand, and the union of windows against a walk of the steps."""

from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.hardware.accelerator import Port
from netchip.hardware.counting.arithmetic import Arithmetic
from netchip.hardware.counting.flows import Action
from netchip.hardware.counting.loop_list import Loops
from netchip.hardware.counting.stalls import covered, port_stall
from netchip.hardware.counting.transfers import Transfer

PORT = Port(name="rw", kind="read_write", bits_per_cycle=8)


def loops(bounds: list[int]) -> Loops:
    bound = np.asarray(bounds, dtype=np.float64)[:, None]
    return Loops(xp, bound, {}, bound > 1)


def transfer(bounds: list[int], window: int, period: int, cycles: float = 1.0, tiles: float | None = None) -> Transfer:
    steps = np.cumprod([1.0, *bounds])
    return Transfer(
        action=Action("buffer", "W", "read"),
        port=PORT,
        cycles=cycles,
        allowed=np.asarray([steps[window]]),
        tiles=np.asarray([steps[-1] / steps[period] if tiles is None else tiles]),
        bits_per_cycle=0.0,
        period_place=np.asarray([period]),
        window_place=np.asarray([window]),
    )


def arithmetic() -> Arithmetic:
    return Arithmetic(xp, np.ones(1))


@st.composite
def windows(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int]]]:
    bounds = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    place = st.integers(0, len(bounds))
    pairs = draw(st.lists(st.tuples(place, place).map(sorted).map(tuple), min_size=1, max_size=4))
    return bounds, pairs


@settings(deadline=None)
@given(windows())
def test_the_union_of_windows_against_all_steps(case: tuple[list[int], Any]) -> None:
    """A window is open during the first steps of each of its periods."""
    bounds, pairs = case
    steps = np.cumprod([1, *bounds])
    times = np.arange(steps[-1])
    opened = np.any([times % steps[period] < steps[window] for window, period in pairs], axis=0)
    transfers = [transfer(bounds, window, period) for window, period in pairs]
    assert covered(transfers, loops(bounds), arithmetic()) == [opened.sum()]


def test_one_transfer_alone_waits_for_each_tile_but_the_first() -> None:
    """12 steps, 4 tiles of 3 steps each that take 5 cycles: 3 tiles are 2 cycles late each. With 2 cycles there is slack."""
    bounds = [3, 4]
    assert port_stall([transfer(bounds, 1, 1, cycles=5)], loops(bounds), arithmetic(), 1) == [6]
    assert port_stall([transfer(bounds, 1, 1, cycles=2)], loops(bounds), arithmetic(), 1) == [-3]
    assert port_stall([transfer(bounds, 1, 1, cycles=5)], loops(bounds), arithmetic(), 2) == [6]


def test_two_transfers_wait_for_each_other_where_their_windows_overlap() -> None:
    """Both need 3 of the 3 cycles of each of 4 periods: windows of 9 and 9 cycles share 12 steps, 6 too few."""
    bounds = [3, 4]
    both = [transfer(bounds, 1, 1, cycles=3), transfer(bounds, 1, 1, cycles=3)]
    assert port_stall(both, loops(bounds), arithmetic(), 1) == [6]
    late = [transfer(bounds, 1, 1, cycles=5), transfer(bounds, 1, 1, cycles=1)]
    assert port_stall(late, loops(bounds), arithmetic(), 1) == [6 + max(0, -6 + 18 - 12)]


def test_what_moves_nothing_does_not_count() -> None:
    bounds = [3, 4]
    idle = transfer(bounds, 1, 1, cycles=50, tiles=0)
    assert port_stall([idle], loops(bounds), arithmetic(), 1) == [0]
    assert port_stall([idle, transfer(bounds, 1, 1, cycles=2)], loops(bounds), arithmetic(), 1) == [-3]
    assert covered([idle], loops(bounds), arithmetic()) == [0]


@pytest.mark.parametrize(("window", "period", "steps"), [(1, 2, 3), (0, 2, 1), (2, 2, 12)])
def test_one_window_by_hand(window: int, period: int, steps: int) -> None:
    assert covered([transfer([3, 4], window, period)], loops([3, 4]), arithmetic()) == [steps]
