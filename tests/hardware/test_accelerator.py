"""Accelerators: what is derived from the memories, plain data both ways, and every fault named with its mend."""

from typing import Any

import pytest
from pydantic import ValidationError

from netchip.errors import ConfigError, RequestError
from netchip.hardware.accelerator import Accelerator


def test_plain_data_both_ways(tiny: Accelerator) -> None:
    assert Accelerator.parse(tiny.model_dump(mode="json")) == tiny


def test_is_frozen(tiny: Accelerator) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        tiny.name = "other"  # type: ignore[misc]


def test_chains_run_from_the_macs_outward(tiny: Accelerator) -> None:
    assert (tiny.chain("W"), tiny.chain("I"), tiny.chain("O")) == ((0, 2, 3), (2, 3), (1, 2, 3))


def test_instances_are_one_for_each_unit_of_what_is_not_served(tiny: Accelerator) -> None:
    assert [tiny.instances(memory.name) for memory in tiny.memories] == [8, 4, 1, 1]
    assert tiny.units == 8


def test_an_array_dimension_belongs_to_the_lowest_memory_that_serves_it(tiny: Accelerator) -> None:
    """The output register adds up along D2, the buffer collects along D1; a weight register serves its own MAC alone."""
    assert (tiny.level("O", "D2"), tiny.level("O", "D1")) == (0, 1)
    assert (tiny.level("W", "D2"), tiny.level("W", "D1")) == (1, 1)
    assert (tiny.level("I", "D2"), tiny.level("I", "D1")) == (0, 0)


def test_a_dimension_that_no_memory_serves_is_left_at_the_top(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][2]["serves"] = tiny_data["memories"][3]["serves"] = ["D2"]
    assert Accelerator.parse(tiny_data).level("I", "D1") == 2


def test_ports_that_name_no_moves_take_all_of_their_kind(tiny: Accelerator) -> None:
    buffer = tiny.memory("buffer")
    names = [getattr(buffer.port("O", move), "name", None) for move in ("read", "drain", "fill", "update")]
    assert names == ["r", "r", "w", "w"]
    assert tiny.memory("buffer").port("W", "read") == buffer.ports[0]


def test_a_port_that_names_a_move_goes_before_one_that_names_none(tiny_data: dict[str, Any]) -> None:
    own = {"name": "own", "kind": "read", "bits_per_cycle": 16, "moves": [("W", "read")]}
    tiny_data["memories"][2]["ports"].append(own)
    buffer = Accelerator.parse(tiny_data).memory("buffer")
    assert [getattr(buffer.port(operand, "read"), "name", None) for operand in ("W", "I")] == ["own", "r"]


def test_elements_take_whole_words(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][2]["word_bits"] = 16
    buffer, dram = Accelerator.parse(tiny_data).memories[2:]
    assert [buffer.element_bits(bits) for bits in (8, 16, 17)] == [16, 16, 32]
    assert dram.element_bits(7) == 7


def test_a_memory_that_is_not_there_is_named_with_those_that_are(tiny: Accelerator) -> None:
    with pytest.raises(RequestError, match="tiny has no memory 'sram'; it has reg_w, reg_o, buffer, dram"):
        tiny.memory("sram")


def _at(data: Any, path: str, value: Any) -> None:
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        data = data[part]
    if value is None:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("memories.0.bits", 0, r"memories\.0\.bits = 0: .*greater than or equal to 1"),
        ("memories.0.size", 8, r"unknown key 'memories\.0\.size' \(known: name, bits"),
        ("memories.0.ports.0.bit_per_cycle", 8, r"bit_per_cycle' \(did you mean 'bits_per_cycle'\?\)"),
        ("memorys", [], r"unknown key 'memorys' \(did you mean 'memories'\?\)"),
        ("array", {}, r"array: .*at least 1"),
        ("array", {"D1": 0, "D2": 2}, r"array\.D1 = 0"),
        ("frequency_hz", -1, r"frequency_hz = -1: .*greater than 0"),
        ("frequency_hz", float("nan"), r"frequency_hz = nan"),
        ("source", None, r"source: Field required"),
        ("precision", {"weight_bits": 0}, r"precision: weight_bits = 0: give a whole number"),
        (
            "precision",
            {"bits": 8},
            r"precision: unknown key 'bits' \(known: weight_bits, input_bits, output_bits, accum",
        ),
        ("precision", {"weigth_bits": 8}, r"precision: unknown key 'weigth_bits' \(did you mean 'weight_bits'\?\)"),
        ("technology_nm", float("inf"), r"technology_nm = inf: .*finite"),
        ("cycles_per_mac", 0, r"cycles_per_mac = 0: .*greater than or equal to 1"),
        ("energy.memories.dram.source", None, r"energy\.memories\.dram\.source: Field required"),
        ("energy.mac", None, r"energy\.mac: Field required"),
        ("kinds", [], r"kinds = \[\]: .*at least 1"),
        ("memories.3.name", "buffer", r"memories has 'buffer' twice; keep one"),
        (
            "memories.1.serves",
            ["D3"],
            r"memory 'reg_o': serves names 'D3', which is no dimension of the array \(known: D1, D2\)",
        ),
        ("systolic", ["rows"], r"systolic names 'rows', which is no dimension of the array \(known: D1, D2\)"),
        ("energy.memories.reg_w", None, r"energy\.memories has no entry for 'reg_w'; add its constants"),
        (
            "energy.memories.sram",
            {"read_pj": 1, "write_pj": 1, "source": "x"},
            r"energy\.memories names 'sram', which is no",
        ),
        ("energy.memories.dram.read_pj", -1, r"energy\.memories\.dram\.read_pj = -1"),
        ("energy.memories.dram.write_pj", None, r"energy\.memories\.dram\.write_pj: Field required"),
        ("area", {"mac": {"mm2": 1, "source": "x"}, "memories": {}}, r"area\.memories has no entry for 'reg_w'"),
        ("memories.3.serves", ["D1"], r"'dram' is above 'buffer' but does not serve D2; add it to its serves"),
        ("memories.2.ports.1", None, r"memory 'buffer': no port serves W fill; add it to a port's moves"),
        ("memories.2.ports.0.least_bits", 128, r"port 'r': least_bits = 128 is more than bits_per_cycle = 64"),
        ("memories.2.ports.0.moves", [("W", "fill")], r"port 'r' of kind 'read' cannot serve W fill; add a port"),
        ("memories.0.ports.0.moves", [("I", "read")], r"'reg_w': port 'r' moves I, which it does not hold"),
        ("memories.2.operands", ["W", "W"], r"memory 'buffer': operands has 'W' twice"),
        ("memories.0.parent", "sram", r"memory 'reg_w': parent 'sram' is no memory"),
        ("memories.2.parent", "reg_o", r"memory 'buffer' is filled from 'reg_o', so list 'reg_o' after it"),
        ("kinds", ["pool"], r"kinds\.0 = 'pool': .*'conv', 'transposed' or 'matmul'"),
    ],
)
def test_what_is_refused(tiny_data: dict[str, Any], path: str, value: Any, message: str) -> None:
    _at(tiny_data, path, value)
    with pytest.raises(ConfigError, match="^chip.yaml: .*" + message):
        Accelerator.parse(tiny_data, source="chip.yaml")


def test_memories_that_fill_each_other_are_no_tree(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][2]["parent"], tiny_data["memories"][3]["parent"] = "dram", "buffer"
    with pytest.raises(ConfigError, match="in a circle, buffer <- dram <- buffer; give one no parent"):
        Accelerator.parse(tiny_data)


def test_a_memory_that_fills_itself_is_no_tree(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][2]["parent"] = "buffer"
    with pytest.raises(ConfigError, match="in a circle, buffer <- buffer; give one no parent"):
        Accelerator.parse(tiny_data)


def test_two_memories_of_an_operand_lie_on_one_path(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][0]["parent"] = "dram"
    with pytest.raises(ConfigError, match="W is held by 'reg_w' and 'buffer', but neither is filled from the other"):
        Accelerator.parse(tiny_data)


def test_an_operand_is_held_somewhere(tiny_data: dict[str, Any]) -> None:
    for memory in tiny_data["memories"][2:]:
        memory["operands"] = ["W", "O"]
    with pytest.raises(ConfigError, match="no memory holds I; add it to the operands of one"):
        Accelerator.parse(tiny_data)
