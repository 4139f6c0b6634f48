"""Unrollings: passes and factors multiply to the layer, units suffice, the quickest come first."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.dimensions import DIMS, Dim
from netchip.hardware.mapper.unrolling import Unrollings, _quickest, _units, fixed_unrolling, free_unrollings

ONES: dict[Dim, int] = dict.fromkeys(DIMS, 1)


def test_steps_that_units_do_not_divide_run_in_equal_passes(tiny: Accelerator) -> None:
    found = fixed_unrolling(ONES | {"OY": 7, "K": 2}, tiny, {"D1": {"OY": 3}, "D2": {"K": 2}})
    assert found.passes[0, DIMS.index("OY")] == 3
    assert math.isclose(found.spatial[0, 0, DIMS.index("OY")], 7 / 3)
    assert found.spatial[0, 1, DIMS.index("K")] == 2


def test_one_dimension_on_two_of_the_array(tiny: Accelerator) -> None:
    found = fixed_unrolling(ONES | {"K": 12}, tiny, {"D1": {"K": 4}, "D2": {"K": 2}})
    assert found.spatial[0, :, DIMS.index("K")].tolist() == [4, 1.5]
    assert found.passes[0].prod() == 2


def test_as_many_units_as_steps_by_the_thousand_million_are_no_wait() -> None:
    assert _units(10**9, 10**9) == [250_000_000, 500_000_000, 10**9]
    assert _units(999_999_937, 10**9) == [999_999_937]
    assert _units(60, 14) == [6, 10, 12, 14]
    assert _units(1, 14) == _units(7, 1) == []


def test_a_layer_smaller_than_what_is_wanted_uses_fewer_units(tiny: Accelerator) -> None:
    found = fixed_unrolling(ONES | {"C": 3}, tiny, {"D1": {"C": 4}})
    assert found.spatial[0, 0, DIMS.index("C")] == 3


sizes = st.fixed_dictionaries({dim: st.integers(1, 40) for dim in DIMS})


@settings(deadline=None, max_examples=30)
@given(bounds=sizes, rows=st.integers(1, 14), columns=st.integers(1, 12))
def test_factors_multiply_to_the_layer_and_fit_the_array(bounds: dict[Dim, int], rows: int, columns: int) -> None:
    chip = _array(rows, columns)
    found = free_unrollings(bounds, chip, 32)
    wanted = np.array([bounds[dim] for dim in DIMS])
    np.testing.assert_allclose(found.passes * found.spatial.prod(1), np.broadcast_to(wanted, found.passes.shape))
    assert (found.spatial >= 1).all()
    assert (found.spatial.prod(2) <= np.array([rows, columns]) * (1 + 1e-9)).all()
    assert (found.passes[-1] == wanted).all()
    assert len(found.passes) <= 32


def test_the_quickest_of_all_comes_first(tiny: Accelerator) -> None:
    found = free_unrollings(ONES | {"K": 8, "C": 6}, tiny, 8)
    assert found.passes[0].prod() == 48 / 8


@settings(deadline=None, max_examples=30)
@given(most=st.integers(1, 12), seed=st.integers(0, 99), alike=st.integers(1, 40))
def test_the_quickest_are_those_of_all(most: int, seed: int, alike: int) -> None:
    rng = np.random.default_rng(seed)
    passes = np.repeat(rng.integers(1, 4, size=(30, len(DIMS))), alike, axis=0)
    spatial = (passes[:, None, :] * 0.5).astype(np.float64)  # those that are alike in one are alike in the other
    found = _quickest(Unrollings(spatial, passes), most)
    steps = sorted(int(row.prod()) for row in np.unique(passes, axis=0))
    assert found.passes.prod(1).tolist() == steps[:most]
    assert len(np.unique(found.spatial, axis=0)) == len(found.passes)


def _array(rows: int, columns: int) -> Accelerator:
    memory = {"name": "dram", "operands": ["W", "I", "O"], "serves": ["D1", "D2"]}
    prices = {"read_pj": 1.0, "write_pj": 1.0, "source": "test"}
    data = {
        "name": "array",
        "source": "test",
        "frequency_hz": 1e9,
        "array": {"D1": rows, "D2": columns},
        "memories": [memory],
        "energy": {"mac": {"pj": 1.0, "source": "test"}, "memories": {"dram": prices}},
    }
    return Accelerator.parse(data, source="test")
