"""An accelerator is written so that it reads back the same, or refused with the field that has no word."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from netchip.errors import RequestError
from netchip.export.zigzag_reading import read_zigzag_accelerator
from netchip.export.zigzag_writing import zigzag_accelerator
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import load_chip
from netchip.workload.encoding import Precision


def _back(folder: Path, accelerator: Accelerator, **more: Any) -> Accelerator:
    (folder / "chip.yaml").write_text(zigzag_accelerator(accelerator))
    return read_zigzag_accelerator(folder / "chip.yaml", source=accelerator.source, **more)


def test_an_accelerator_reads_back_the_same(tmp_path: Path, sayable: Accelerator) -> None:
    assert _back(tmp_path, sayable) == sayable


def test_every_field_that_has_a_word_comes_back(
    tmp_path: Path, sayable_data: dict[str, Any], sayable: Accelerator
) -> None:
    source = sayable.source
    area = {name: {"mm2": 0.25 + place, "source": source} for place, name in enumerate(sayable.energy.memories)}
    sayable_data |= {
        "name": "123",
        "systolic": ["D2"],
        "area": {"mac": {"mm2": 0.001, "source": source}, "memories": area},
        "array": {"D1": 3, "D2": 1},
        "frequency_hz": 5e8,
        "precision": {"weight_bits": 4},
        "technology_nm": 65.0,
    }
    sayable_data["memories"][3]["bits"] = 10**10
    given = Accelerator.parse(sayable_data)
    told = {"frequency_hz": 5e8, "precision": given.precision, "technology_nm": 65.0}
    assert _back(tmp_path, given, areas_in_mm2=True, **told) == given


def test_a_port_that_names_no_move_is_written_with_all_it_serves(sayable: Accelerator) -> None:
    plain = yaml.safe_load(zigzag_accelerator(sayable))
    ports = {port["name"]: port["allocation"] for port in plain["memories"]["buffer"]["ports"]}
    assert ports == {
        "r_port_1": ["I1, tl", "I2, tl", "O, tl", "O, th"],
        "w_port_1": ["I1, fh", "I2, fh", "O, fh", "O, fl"],
    }
    assert plain["memories"]["buffer"]["ports"][0]["bandwidth_min"] == 8
    assert plain["memories"]["reg_w"]["ports"][0]["bandwidth_min"] == 8
    assert plain["memories"]["buffer"]["force_double_buffering"] is True
    assert plain["memories"]["dram"]["size"] == 2**62


def test_names_zigzag_does_not_have_are_replaced_in_order(tmp_path: Path, sayable_data: dict[str, Any]) -> None:
    sayable_data["array"] = {"columns": 4, "rows": 4}
    for memory in sayable_data["memories"]:
        memory["serves"] = [{"D1": "columns", "D2": "rows"}[name] for name in memory.get("serves", ())]
    sayable_data["memories"][2]["ports"][0]["name"] = "out"
    found = _back(tmp_path, Accelerator.parse(sayable_data))
    assert found.array == {"D1": 4, "D2": 4}
    assert found.memory("reg_o").serves == ("D2",)
    assert [port.name for port in found.memory("buffer").ports] == ["r_port_1", "w_port_2"]


def test_sources_are_written_as_comments(sayable_data: dict[str, Any]) -> None:
    sayable_data["energy"]["memories"]["dram"]["source"] = "a table\n: of two lines"
    text = zigzag_accelerator(Accelerator.parse(sayable_data | {"technology_nm": 65}))
    assert "# dram: a table : of two lines\n" in text
    assert "# clock: 1e+09 Hz\n# native precision: 8 x 8 bits, sums of 32, results of 8\n# technology: 65 nm\n" in text
    assert yaml.safe_load(text)["name"] == "sayable"


_TOP: dict[str, Any] = {
    "cycles_per_mac": 2,
    "kinds": ["conv"],
    "rebuilds_at": "dram",
    "calibration": {"latency_factor": 1.25, "source": "s"},
}
_ENERGY: dict[str, Any] = {
    "mac_bits": [8, 8],
    "hop": {"pj": 1.0, "source": "s"},
}
_MEMORY: dict[str, Any] = {
    "access_bits": 64,
    "word_bits": 16,
    "networks": {"W": "forward"},
    "parent": "dram",
    "ports": [],
    "bits": 2**62,
}


def _refused(data: dict[str, Any], *fields: str) -> None:
    with pytest.raises(RequestError, match="ZigZag's accelerator file has no word for") as caught:
        zigzag_accelerator(Accelerator.parse(data))
    assert all(f"{field} (" in str(caught.value) for field in fields)
    assert f"without={list(fields)}" in str(caught.value)
    if not any(field.endswith("ports") for field in fields):
        yaml.safe_load(zigzag_accelerator(Accelerator.parse(data), without=fields))


@pytest.mark.parametrize("field", _TOP)
def test_a_field_without_a_word_is_refused_by_name(sayable_data: dict[str, Any], field: str) -> None:
    _refused(sayable_data | {field: _TOP[field]}, field)


@pytest.mark.parametrize("field", _ENERGY)
def test_a_price_without_a_word_is_refused_by_name(sayable_data: dict[str, Any], field: str) -> None:
    sayable_data["energy"][field] = _ENERGY[field]
    _refused(sayable_data, f"energy.{field}")


@pytest.mark.parametrize("field", _MEMORY)
def test_a_field_of_a_memory_without_a_word_is_refused_by_name(sayable_data: dict[str, Any], field: str) -> None:
    sayable_data["memories"][2][field] = _MEMORY[field]
    _refused(sayable_data, f"memories.buffer.{field}")


def test_all_fields_without_a_word_are_named_at_once(sayable_data: dict[str, Any]) -> None:
    area = {name: {"mm2": 1, "source": "s"} for name in ("reg_w", "reg_o", "buffer", "dram")}
    sayable_data["area"] = {"mac": {"mm2": 1, "source": "s"}, "memories": area, "wiring_factor": 1.5}
    sayable_data["energy"]["mac_bits"] = [8, 8]
    sayable_data["memories"][2]["word_bits"] = 16
    fields = ("energy.mac_bits", "area.wiring_factor", "memories.buffer.word_bits")
    _refused(sayable_data, *fields)
    with pytest.raises(RequestError, match=r"no word for area.wiring_factor \(areas are only summed\);"):
        zigzag_accelerator(Accelerator.parse(sayable_data), without=("energy.mac_bits", "memories.buffer.word_bits"))


def test_an_access_as_wide_as_its_port_has_a_word(sayable_data: dict[str, Any], sayable: Accelerator) -> None:
    sayable_data["memories"][3]["access_bits"] = 64
    assert zigzag_accelerator(Accelerator.parse(sayable_data)) == zigzag_accelerator(sayable)


def test_an_array_of_five_dimensions_is_refused(sayable_data: dict[str, Any]) -> None:
    sayable_data["array"] = {f"D{place}": 2 for place in range(1, 6)}
    with pytest.raises(RequestError, match=r"sayable: array has 5 dimensions, and ZigZag names D1 to D4; merge some"):
        zigzag_accelerator(Accelerator.parse(sayable_data))


def test_a_mac_is_priced_at_the_width_that_is_asked_for(sayable_data: dict[str, Any]) -> None:
    sayable_data["energy"]["mac_bits"] = [16, 16]
    accelerator = Accelerator.parse(sayable_data)
    text = zigzag_accelerator(accelerator, precision=Precision(weight_bits=4, input_bits=8))
    assert yaml.safe_load(text)["operational_array"]["unit_energy"] == 0.0625 * 4 * 8 / 256
    assert "# unit_energy: made up for the tests; quoted at 16 x 16 bits, here at 4 x 8\n" in text
    with pytest.raises(RequestError, match=r"energy\.mac_bits \(a MAC costs the same at every width; give precision"):
        zigzag_accelerator(accelerator)


def test_one_price_at_every_width_stays(sayable: Accelerator) -> None:
    assert zigzag_accelerator(sayable, precision=Precision(weight_bits=4)) == zigzag_accelerator(sayable)


@pytest.mark.parametrize("name", ["nvdla-like", "tpu-like"])
def test_chips_that_need_no_other_words_are_written_whole(tmp_path: Path, name: str) -> None:
    chip, bits = load_chip(name), Precision(accumulator_bits=16)
    (tmp_path / "chip.yaml").write_text(zigzag_accelerator(chip, precision=bits))
    found = read_zigzag_accelerator(tmp_path / "chip.yaml")
    assert [memory.name for memory in found.memories] == [memory.name for memory in chip.memories]
    assert found.energy.mac.pj == chip.energy.mac_pj(8, 8)
    for memory in chip.memories:
        price, own = found.energy.memories[memory.name], chip.energy.memories[memory.name]
        assert (price.read_pj, price.write_pj) == (own.read_pj, own.write_pj)
        assert found.memory(memory.name).bits == memory.bits
        assert found.instances(memory.name) == chip.instances(memory.name)
