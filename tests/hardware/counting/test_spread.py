"""Unrolling as each operand sees it, by hand."""

import array_api_compat.numpy as xp
import numpy as np
import pytest

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.counting.arithmetic import Arithmetic
from netchip.hardware.counting.spread import are_whole, factors_of, spread, whole
from netchip.hardware.dimensions import DIMS

ARITHMETIC = Arithmetic(xp, np.ones(1))


def unrolled(d1: dict[str, float], d2: dict[str, float]) -> np.ndarray:
    spatial = np.ones((2, len(DIMS), 1))
    for row, factors in enumerate((d1, d2)):
        for dim, factor in factors.items():
            spatial[row, DIMS.index(dim), 0] = factor
    return spatial


def test_what_is_alike_for_all_becomes_a_constant() -> None:
    assert factors_of(unrolled({"K": 4}, {"C": 2})) == ({"K": 4.0}, {"C": 2.0})
    many = factors_of(np.repeat(unrolled({"K": 4}, {"C": 2}), 3, -1))
    assert many[0]["K"].tolist() == [4, 4, 4]
    assert set(many[0]) == set(DIMS)


def test_outputs_add_up_along_d2_and_are_collected_along_d1(tiny: Accelerator) -> None:
    """K on the 4 units of D1, C on the 2 of D2: a register adds 2 terms of one output; the buffer takes 4 outputs."""
    found = spread(tiny, factors_of(unrolled({"K": 4}, {"C": 2})), transposed=False)
    outputs, weights, inputs = found["O"], found["W"], found["I"]
    assert (outputs.across, outputs.reached) == ((2, 4, 1, 1), (1, 4, 1, 1))
    assert outputs.instances == (8, 4, 1, 1)
    assert (weights.across, weights.reached, weights.instances) == ((1, 8, 1, 1), (1, 8, 1, 1), (8, 8, 1, 1))
    assert (inputs.across, inputs.reached, inputs.instances) == ((8, 1, 1), (2, 1, 1), (8, 1, 1))
    assert [extent.plain for extent in weights.below] == [1, 1, 8, 8, 8]


def test_windows_are_kept_apart(tiny: Accelerator) -> None:
    found = spread(tiny, factors_of(unrolled({"OY": 4}, {"FY": 2})), transposed=False)
    assert found["I"].below[1].windows == ((4, 2), (1, 1))
    assert found["O"].below[2].plain == 4
    swapped = spread(tiny, factors_of(unrolled({"OY": 4}, {"FY": 2})), transposed=True)
    assert swapped["O"].below[2].windows == ((4, 2), (1, 1))
    assert swapped["I"].below[1].plain == 4


@pytest.mark.parametrize(("rounding", "units"), [("floor", 13.0), ("ceil", 14.0)])
def test_uneven_factors_are_rounded_to_whole_units(rounding: str, units: float) -> None:
    factors = factors_of(unrolled({"OY": 13.75}, {"C": 2}))
    assert not are_whole(factors, ARITHMETIC)
    rounded = whole(factors, rounding, ARITHMETIC)
    assert rounded == ({"OY": units}, {"C": 2.0})
    assert are_whole(rounded, ARITHMETIC)


def test_a_factor_that_is_whole_but_for_rounding_stays(tiny: Accelerator) -> None:
    nearly = 55 / 7 * 7 / 5 * (1 + 1e-15)
    for rounding in ("floor", "ceil"):
        assert whole(({"OY": nearly},), rounding, ARITHMETIC) == ({"OY": 11.0},)
