"""Constraints: the order of dimensions they ask for, memories they take an operand out of, names they do not know."""

from typing import Any

import pytest

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.mapper.constraints import Constraints


def test_loops_that_reuse_the_stationary_operand_rank_inside() -> None:
    ranks = Constraints(stationary="W").ranks(transposed=False)
    assert {ranks["B"], ranks["OY"], ranks["OX"]} < set(ranks.values())
    assert max(ranks[dim] for dim in ("B", "OY", "OX")) < min(ranks[dim] for dim in ("G", "K", "C", "FY", "FX"))


def test_the_order_ranks_named_dimensions_before_the_others() -> None:
    ranks = Constraints(order=("FX", "C")).ranks(transposed=False)
    assert ranks["FX"] < ranks["C"] < ranks["K"] == ranks["OY"]


def test_bypass_takes_the_operand_out_of_the_memory_and_its_ports(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][2]["ports"][0]["moves"] = [["W", "read"], ["I", "read"], ["O", "read"], ["O", "drain"]]
    chip = Accelerator.parse(tiny_data, source="tiny")
    found = Constraints(bypass={"W": ("buffer",)}).applied_to(chip)
    assert [found.memories[index].name for index in found.chain("W")] == ["reg_w", "dram"]
    assert ("W", "read") not in found.memory("buffer").ports[0].moves
    assert chip.memory("buffer").holds("W")


def test_without_bypass_the_accelerator_stays_the_same(tiny: Accelerator) -> None:
    assert Constraints().applied_to(tiny) is tiny


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"bypass": {"I": ("reg_w",)}}, "'reg_w' does not hold I anyway"),
        ({"bypass": {"W": ("reg_w",)}}, "bypass leaves 'reg_w' nothing to hold"),
        ({"bypass": {"W": ("sram",)}}, "no memory 'sram'; it has reg_w"),
        ({"spatial": {"D9": {"K": 2}}}, "'D9', which is no dimension of the array; it has D1, D2"),
        ({"spatial": {"D1": {"K": 4, "C": 2}}}, "unrolls 8 along D1, which has 4 units"),
    ],
)
def test_what_is_not_possible_is_told(tiny: Accelerator, constraints: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Constraints.parse(constraints).applied_to(tiny)
