"""First load and last drain by hand; whole machines are compared in test_against_zigzag."""

from typing import Any

import array_api_compat.numpy as xp
import numpy as np

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.counting.arithmetic import Arithmetic
from netchip.hardware.counting.boundary import first_load, last_drain, systolic_drain
from netchip.hardware.counting.flows import Action

ARITHMETIC = Arithmetic(xp, np.ones(1))


def once(**cycles: float) -> dict[Action, Any]:
    return {
        Action(memory, operand, move): value
        for key, value in cycles.items()
        for memory, operand, move in [key.split("__")]
    }


def test_outputs_pass_one_memory_after_the_other(tiny: Accelerator) -> None:
    """Between two memories the slower side counts: max(2, 3) + max(5, 4)."""
    found = once(reg_o__O__drain=2.0, buffer__O__update=3.0, buffer__O__drain=5.0, dram__O__update=4.0)
    assert last_drain(tiny, found, ARITHMETIC) == 8


def test_what_weights_and_inputs_share_comes_one_after_the_other(tiny: Accelerator) -> None:
    """From the DRAM to the buffer both use the same two ports: 10 and 20. Weights go on to the registers for 7.

    Weights first: 10 + max(20, 7) = 30; inputs first: 20 + max(10 + 7, 0) = 37. The better order counts.
    """
    found = once(
        reg_w__W__fill=1.0,
        buffer__W__read=7.0,
        buffer__W__fill=9.0,
        dram__W__read=10.0,
        buffer__I__fill=20.0,
        dram__I__read=2.0,
    )
    assert first_load(tiny, found, ARITHMETIC) == 30


def test_a_systolic_array_passes_its_last_results_on(tiny_data: dict[str, Any]) -> None:
    factors = ({"K": 3.5}, {"C": 2.0})
    assert systolic_drain(Accelerator.parse(tiny_data), factors, ARITHMETIC) == 0
    assert systolic_drain(Accelerator.parse({**tiny_data, "systolic": ["D1"]}), factors, ARITHMETIC) == 3
    assert systolic_drain(Accelerator.parse({**tiny_data, "systolic": ["D1", "D2"]}), factors, ARITHMETIC) == 4
