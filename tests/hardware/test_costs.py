"""Costs as arrays and as rows."""

from dataclasses import replace
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

from netchip.hardware.costs import Costs, Held, joined
from netchip.hardware.counting.flows import Action

READ, FILL = Action("buffer", "W", "read"), Action("buffer", "W", "fill")


def costs(**changes: Any) -> Costs:
    values: dict[str, Any] = {
        "accesses": {READ: np.array([2.0, 3.0]), FILL: 1.0},
        "elements": {READ: np.array([20.0, 30.0]), FILL: 10.0},
        "access_pj": {READ: 5.0, FILL: 7.0},
        "work": {"mac": 100.0},
        "work_pj": {"mac": 0.5},
        "energy_pj": np.array([67.0, 72.0]),
        "compute_cycles": np.array([10.0, 20.0]),
        "stall_cycles": np.array([5.0, 0.0]),
        "first_load_cycles": 0.0,
        "last_drain_cycles": 0.0,
        "waits": {("buffer", "r"): np.array([15.0, 3.0]), ("dram", "rw"): 4.0},
        "exact_stalls": False,
        "utilisation": np.array([1.0, 0.5]),
        "held_bits": {Held("buffer", "W"): np.array([64.0, 96.0]), Held("buffer", "I"): 32.0},
        "capacity_bits": {"buffer": 100},
    }
    return Costs(**values | changes)


def test_a_row_in_plain_numbers() -> None:
    row = costs().row(0)
    assert row.access_energy_pj == {READ: 10.0, FILL: 7.0}
    assert row.work_energy_pj == {"mac": 50.0}
    assert (row.energy_pj, row.cycles, row.utilisation) == (67.0, 15.0, 1.0)
    assert row.memory_energy_pj() == {("buffer", "W"): 17.0}
    assert row.too_small == ()


def test_what_bounds_the_latency() -> None:
    assert [costs().row(index).bound_by for index in (0, 1)] == ["buffer.r", "compute"]
    exact = costs(
        exact_stalls=True, waits={("buffer", "r"): np.array([-15.0, -1.0]), ("dram", "rw"): np.array([-2.0, 7.0])}
    )
    assert [exact.row(index).bound_by for index in (0, 1)] == ["compute", "dram.rw"]
    assert costs(waits={}).row(0).bound_by == "compute"


def test_what_does_not_fit_is_said_in_words() -> None:
    assert costs().fits.tolist() == [True, False]
    said = "buffer holds 100 bits, but tiles of weights 96, inputs 32 bits are to stay there"
    assert costs().row(1).too_small == (said,)
    assert costs(capacity_bits={}).fits is True


def test_joined_batches_keep_the_order_asked_for() -> None:
    one, other = costs(), replace(costs(), energy_pj=np.array([1.0]), work={"mac": 9.0}, stall_cycles=0.0)
    both = joined([one, other], [2, 1], np.array([2, 0, 1]), xp)
    assert both.energy_pj.tolist() == [1.0, 67.0, 72.0]
    assert both.work["mac"].tolist() == [9.0, 100.0, 100.0]
    assert both.stall_cycles.tolist() == [0.0, 5.0, 0.0]
    assert both.first_load_cycles == 0.0
    assert both.access_pj == one.access_pj


@pytest.mark.parametrize("missing", ["shift_add"])
def test_work_that_only_one_part_does_is_nought_in_the_others(missing: str) -> None:
    other = replace(costs(), work={"mac": 100.0, missing: np.array([4.0, 5.0])})
    both = joined([costs(), other], [2, 2], np.arange(4), xp)
    assert both.work[missing].tolist() == [0.0, 0.0, 4.0, 5.0]
