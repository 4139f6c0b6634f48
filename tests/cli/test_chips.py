"""Chips named for `netchip cost`: presets and files of netchip, files of ZigZag with what they leave open."""

from pathlib import Path

import pytest

from netchip.cli.chips import find_chips
from netchip.errors import ConfigError, DataError
from netchip.export.zigzag_writing import zigzag_accelerator
from netchip.hardware.chips import load_chip
from netchip.workload.encoding import Precision

ZIGZAG = """
name: small
operational_array: {unit_energy: 0.5, unit_area: 1.0, dimensions: [D1], sizes: [4]}
memories:
  dram:
    size: 100000
    r_cost: 100
    w_cost: 110
    area: 3
    operands: [I1, I2, O]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 8, bandwidth_max: 32, allocation: ["I1, tl", "I2, tl", "O, tl", "O, th"]}
      - {name: w_port_1, type: write, bandwidth_min: 8, bandwidth_max: 32, allocation: ["I1, fh", "I2, fh", "O, fh", "O, fl"]}
    served_dimensions: [D1]
"""


@pytest.fixture
def zigzag(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(ZIGZAG)
    return str(tmp_path / "small.yaml")


def test_a_zigzag_file_is_known_by_its_keys_and_says_what_was_assumed(zigzag: str) -> None:
    (chip,) = find_chips([zigzag])
    accelerator = chip.accelerator
    assert (accelerator.name, accelerator.array, accelerator.frequency_hz) == ("small", {"D1": 4}, 1e9)
    assert accelerator.precision == Precision(weight_bits=8, input_bits=8, output_bits=8, accumulator_bits=16)
    (sentence,) = chip.assumed
    assert "small is a ZigZag file, which states no clock (1 GHz assumed, --clock states another)" in sentence
    assert "no precision (8/8/8/16 bits assumed where neither --bits nor the network states it)" in sentence
    assert "areas have no unit and are left out" in sentence


def test_a_clock_that_is_given_is_not_assumed(zigzag: str) -> None:
    own, other = find_chips(["eyeriss", zigzag], "200 MHz")
    assert other.accelerator.frequency_hz == 2e8
    assert "no clock (0.2 GHz given)" in other.assumed[0]
    assert own.accelerator == load_chip("eyeriss")
    assert own.assumed == ()


def test_what_netchip_writes_for_zigzag_comes_back(tmp_path: Path) -> None:
    chip = load_chip("tpu-like")
    (tmp_path / "again.yaml").write_text(zigzag_accelerator(chip, precision=chip.precision))
    again = find_chips([str(tmp_path / "again.yaml")], "700MHz")[0].accelerator
    assert (again.name, again.array, again.systolic) == (chip.name, chip.array, chip.systolic)
    assert [(each.name, each.bits) for each in again.memories] == [(each.name, each.bits) for each in chip.memories]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (("r_cost", "r_costs"), ConfigError, r"unknown key 'memories.dram.r_costs' \(did you mean 'r_cost'\?\)"),
        (("r_cost: 100", "r_cost: -1"), ConfigError, r"memories.dram.r_cost = -1: .*greater than or equal to 0"),
        (
            ("operational_array", "operation_array"),
            ConfigError,
            r"unknown key 'operation_array' \(did you mean 'operat",
        ),
        (("memories:", "memorys:"), ConfigError, r"memories: Field required; unknown key 'memorys'"),
        (("size: 100000", "size: many"), ConfigError, r"memories.dram.size = 'many'"),
    ],
)
def test_a_fault_in_a_zigzag_file_is_one_line(
    zigzag: str, change: tuple[str, str], error: type[Exception], message: str
) -> None:
    Path(zigzag).write_text(ZIGZAG.replace(*change))
    with pytest.raises(error, match=f"small.yaml: .*{message}") as caught:
        find_chips([zigzag])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: eyeriss\nmemories: {buffer: {size: 3 B}}", "memories = .*give a list, each with a name of eyeriss"),
        ("array: {rows: 2}\nmemories: {dram: {}}", "memories is missing; list the memories from the MACs outward"),
        ("- 1", "holds list, not keys with values"),
        ("a: [1", "not readable as YAML"),
    ],
)
def test_a_broken_file_of_ours_is_not_taken_for_zigzags(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"mine.yaml.*{message}"):
        find_chips([str(tmp_path / "mine.yaml")])


@pytest.mark.parametrize(
    ("names", "clock", "message"),
    [
        ([], None, "name a chip: --chip NAME or a YAML file; there are diannao"),
        (["eyeriss"], "200MHz", "--clock is for ZigZag's files; eyeriss has a clock of its own, so leave it out"),
        (["small"], "200", "--clock '200' is no number above 0 with one of the units Hz, kHz, MHz, GHz, as in 200MHz"),
        (["small"], "0Hz", "--clock '0Hz' is no number above 0"),
        (["small", "small"], None, "two chips are called small; name each once"),
    ],
)
def test_what_is_refused(zigzag: str, names: list[str], clock: str | None, message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        find_chips([zigzag if name == "small" else name for name in names], clock)
