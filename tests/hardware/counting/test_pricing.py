"""Accesses of a flow by hand: whole ones of the port's width, parts where the port can, or shares by elements."""

from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import TIMELOOP, ZIGZAG
from netchip.hardware.counting.arithmetic import Arithmetic
from netchip.hardware.counting.flows import Action, Flow
from netchip.hardware.counting.pricing import Width, access_pj, accesses, width_of

ARITHMETIC = Arithmetic(xp, np.ones(1))
READ = Action("buffer", "W", "read")


def flow(elements: float, bits: float = 8.0) -> Flow:
    """5 tiles on each of 3 instances."""
    return Flow(READ, elements, 5.0, 3.0, bits)


@pytest.mark.parametrize(
    ("elements", "width", "count"),
    [
        (3, Width(64.0, 64.0), 15),  # 24 bits take an access of 64
        (3, Width(64.0, 8.0), 5),  # or 3 eighths of one: 15 x 3 / 8 is 5.6, whole ones are told
        (9, Width(64.0, 64.0), 30),
        (9, Width(24.0, 24.0), 45),
        (3, None, 45),
    ],
)
def test_whole_accesses(elements: float, width: Width | None, count: float) -> None:
    assert accesses(flow(elements), width, ZIGZAG, ARITHMETIC) == count


def test_shares_of_accesses() -> None:
    assert accesses(flow(3), Width(64.0, 64.0), TIMELOOP, ARITHMETIC) == 45 * 8 / 64


def test_the_width_is_the_memorys_or_the_ports(tiny_data: dict[str, Any]) -> None:
    assert width_of(Accelerator.parse(tiny_data), READ) == Width(64.0, 8.0)
    tiny_data["memories"][2]["access_bits"] = 16
    assert width_of(Accelerator.parse(tiny_data), READ) == Width(16.0, 8.0)
    tiny_data["memories"][2] |= {"ports": []}
    assert width_of(Accelerator.parse(tiny_data), READ) == Width(16.0, 16.0)
    tiny_data["memories"][2]["access_bits"] = None
    assert width_of(Accelerator.parse(tiny_data), READ) is None


def test_reads_and_writes_have_their_own_price(tiny: Accelerator) -> None:
    prices = [access_pj(tiny, Action("buffer", "O", move)) for move in ("read", "drain", "fill", "update")]
    assert prices == [4.0, 4.0, 5.0, 5.0]
