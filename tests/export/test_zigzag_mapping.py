"""Unrolling is written in whole units from which ZigZag makes the same fractions, or refused."""

from typing import Any

import pytest
import yaml

from netchip.errors import RequestError
from netchip.export.zigzag_mapping import zigzag_mapping
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.mapping import Mapping
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape


@pytest.fixture
def one() -> Workload:
    """A convolution with 55 output rows."""
    shape = LayerShape.conv(in_channels=6, out_channels=24, in_size=(57, 10), kernel=(3, 3))
    return Workload((Layer("conv", shape),))


@pytest.fixture
def wide(sayable_data: dict[str, Any]) -> Accelerator:
    return Accelerator.parse(sayable_data | {"array": {"D1": 16, "D2": 16}})


def written(workload: Workload, accelerator: Accelerator, text: str, **more: Any) -> dict[str, dict[str, Any]]:
    plain = yaml.safe_load(zigzag_mapping(workload, accelerator, {"conv": Mapping.parse_text(text)}, **more))
    return {entry["name"]: entry for entry in plain}


def test_unrolling_and_links_are_written(one: Workload, wide: Accelerator) -> None:
    found = written(one, wide, "D1: K 4 C 2 | D2: OX 8")
    assert found["conv"]["spatial_mapping"] == {"D1": ["K, 4", "C, 2"], "D2": ["OX, 8"]}
    assert found["conv"]["memory_operand_links"] == {"O": "O", "W": "I2", "I": "I1"}
    assert found["default"] == {"name": "default", "memory_operand_links": {"O": "O", "W": "I2", "I": "I1"}}
    assert "temporal_ordering" not in found["conv"]


def test_a_dimension_without_unrolling_is_written_as_once(one: Workload, wide: Accelerator) -> None:
    assert written(one, wide, "D2: C 3")["conv"]["spatial_mapping"] == {"D1": ["K, 1"], "D2": ["C, 3"]}


def test_a_fraction_is_written_as_the_units_it_needs(one: Workload, wide: Accelerator) -> None:
    assert written(one, wide, "D1: OY 13.75")["conv"]["spatial_mapping"]["D1"] == ["OY, 14"]


def test_a_dimension_along_both_is_written_whole(one: Workload, wide: Accelerator) -> None:
    assert written(one, wide, "D1: K 4 | D2: K 6")["conv"]["spatial_mapping"] == {"D1": ["K, 4"], "D2": ["K, 6"]}


def test_what_zigzag_would_change_is_refused(one: Workload, wide: Accelerator) -> None:
    with pytest.raises(RequestError, match=r"conv: OY 2\.03704 along D1 .* makes 2\.89474 of 3; unroll another factor"):
        written(one, wide, f"D1: OY {55 / 27}")
    with pytest.raises(RequestError, match=r"conv: OY 3\.4375 along D1 cannot be written"):
        written(one, wide, "D1: OY 3.4375 | D2: OY 4")


def test_the_order_of_loops_is_written_on_request(one: Workload, wide: Accelerator) -> None:
    at = "W=dram I=dram O=dram"
    text = f"K 24: {at} | OY 55: {at} | B 1: {at} | C 6: {at}"
    assert written(one, wide, text, loop_order=True)["conv"]["temporal_ordering"] == [["C", 6], ["OY", 55], ["K", 24]]


def test_what_is_not_there_is_named(one: Workload, wide: Accelerator) -> None:
    with pytest.raises(RequestError, match="no layer is called 'fc'; the workload has conv"):
        zigzag_mapping(one, wide, {"fc": Mapping(loops=())})
    with pytest.raises(RequestError, match="conv: the array of sayable has no dimension 'D3'; it has D1, D2"):
        written(one, wide, "D3: K 4")
    default = Workload((Layer("default", one.layers[0].shape),))
    with pytest.raises(RequestError, match="a layer called 'default' takes ZigZag's name"):
        zigzag_mapping(default, wide, {"default": Mapping(loops=())})
