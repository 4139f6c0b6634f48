"""An accelerator as Timeloop's architecture, beside the shape of the published eyeriss-like one, and its energies."""

from typing import Any

import pytest
import yaml

from netchip.errors import RequestError
from netchip.export.timeloop_architecture import timeloop_architecture, timeloop_energies
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import load_chip
from netchip.hardware.hierarchy.technology import hierarchy, load_technology

CHIP = hierarchy(load_technology("dosa-40nm"), units=64, register_bits=512, buffer_bits=8192 * 16)


class Tags(yaml.SafeLoader):
    """Reads "!Container" as a pair of its tag and its value."""


Tags.add_multi_constructor("!", lambda loader, tag, node: (tag, loader.construct_mapping(node, deep=True)))


def nodes(chip: Accelerator) -> list[tuple[str, dict[str, Any]]]:
    data = yaml.load(timeloop_architecture(chip), Loader=Tags)["architecture"]
    assert data["version"] == 0.4
    return data["nodes"]


def test_a_hierarchy_from_outer_to_inner() -> None:
    found = nodes(CHIP)
    assert [(tag, node["name"]) for tag, node in found] == [
        ("Container", "system"),
        ("Component", "dram"),
        ("Component", "buffer"),
        ("Container", "units"),
        ("Component", "register"),
        ("Component", "mac"),
    ]
    parts = {node["name"]: node for _, node in found}
    assert parts["system"]["attributes"]["global_cycle_seconds"] == pytest.approx(1 / CHIP.frequency_hz)
    assert parts["units"]["spatial"] == {"meshX": 64}
    assert parts["dram"]["class"] == "DRAM"
    assert "depth" not in parts["dram"]["attributes"]
    buffer = parts["buffer"]["attributes"]
    assert (buffer["width"], buffer["datawidth"], buffer["depth"]) == (16, 16, 8192)
    port = CHIP.memory("buffer").ports[0].bits_per_cycle
    assert buffer["read_bandwidth"] == buffer["write_bandwidth"] == port / 16
    assert parts["register"]["class"] == "smartbuffer_RF"
    assert "read_bandwidth" not in parts["register"]["attributes"]
    assert parts["register"]["constraints"]["dataspace"]["keep"] == ["Weights", "Inputs", "Outputs"]
    assert parts["mac"]["attributes"] == {"multiplier_width": 16, "adder_width": 16}


def test_memories_of_one_operand_pass_the_others_by() -> None:
    parts = {node["name"]: node for _, node in nodes(load_chip("eyeriss"))}
    kept = {name: node["constraints"]["dataspace"] for name, node in parts.items() if "constraints" in node}
    assert any(each["bypass"] for each in kept.values())
    assert all(sorted(each["keep"] + each["bypass"]) == ["Inputs", "Outputs", "Weights"] for each in kept.values())
    dimensions = load_chip("eyeriss").array
    assert {name: parts[name]["spatial"]["meshX"] for name in dimensions} == dict(dimensions)


def test_energies_are_those_of_the_table() -> None:
    tables = {each["name"]: each["actions"] for each in yaml.safe_load(timeloop_energies(CHIP))["ERT"]["tables"]}
    assert set(tables) == {
        "system_top_level.mac[1..64]",
        "system_top_level.dram[1..1]",
        "system_top_level.buffer[1..1]",
        "system_top_level.register[1..64]",
    }
    energies = {each["name"]: each["energy"] for each in tables["system_top_level.buffer[1..1]"]}
    price = CHIP.energy.memories["buffer"]
    assert energies == {"read": price.read_pj, "write": price.write_pj, "update": price.write_pj, "leak": 0.0}
    assert tables["system_top_level.mac[1..64]"][0]["energy"] == CHIP.energy.mac_pj(16, 16)


def test_what_is_not_said_stands_in_a_comment() -> None:
    text = timeloop_architecture(load_chip("eyeriss"))
    assert text.startswith("# source: ")
    hop = CHIP.energy.hop is not None
    assert ("# not said here: steps through the array are free" in timeloop_architecture(CHIP)) == hop


def test_memories_that_do_not_nest_are_refused() -> None:
    plain = CHIP.model_dump(mode="json") | {"array": {"rows": 4, "columns": 4}, "area": None}
    register, buffer, dram = plain["memories"]
    other = register | {"name": "other", "operands": ["I", "O"], "serves": ["rows"]}
    for memory in (buffer, dram):
        memory["serves"] = ["rows", "columns"]
    plain["memories"] = [register | {"operands": ["W"], "serves": ["columns"]}, other, buffer, dram]
    plain["energy"]["memories"]["other"] = plain["energy"]["memories"]["register"]
    with pytest.raises(RequestError, match="register serves columns as a whole below memories that do not"):
        timeloop_architecture(Accelerator.parse(plain, source="test"))
    plain = CHIP.model_dump(mode="json")
    plain["memories"][1]["access_bits"] = 24
    with pytest.raises(RequestError, match="buffer: an access of 24 bits is no whole number of elements of 16"):
        timeloop_architecture(Accelerator.parse(plain, source="test"))
    plain["memories"][0]["access_bits"] = None
    plain["memories"][1]["access_bits"] = 16
    with pytest.raises(RequestError, match="register has neither access_bits nor ports; state the width of an access"):
        timeloop_architecture(Accelerator.parse(plain, source="test"))
