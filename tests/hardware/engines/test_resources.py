"""What all engines share: sizes that add up, a source on everything, and files that are none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netchip.errors import ConfigError
from netchip.hardware.engines.resources import Resources, load_resources, resources_names

SHARED = load_resources()


def dumped(**changes: Any) -> dict[str, Any]:
    return SHARED.changed(**changes).model_dump(mode="json")


def numbers_without_source(data: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths of tables that hold a number but no source."""
    if any(isinstance(value, int | float) for value in data.values()) and not data.get("source"):
        yield path
    for name, value in data.items():
        if isinstance(value, dict):
            yield from numbers_without_source(value, f"{path}.{name}")


def test_every_number_names_its_source() -> None:
    assert list(numbers_without_source(dumped())) == []
    bare = dumped()
    del bare["prices"]["mac_pj"]["source"]
    assert list(numbers_without_source(bare)) == [".prices.mac_pj"]


def test_what_is_from_memory_says_so() -> None:
    assert "from memory" in SHARED.prices.mac_pj.source
    assert "from memory" in SHARED.array.source
    assert "our choice" in SHARED.dram_bytes_per_cycle.source


def test_the_array_is_of_8192_serial_or_1024_parallel_multipliers() -> None:
    array = SHARED.array
    assert array.slices * array.lines * array.lanes == 8192
    assert array.slices * array.lines == SHARED.scnn.tiles**2 * SHARED.scnn.vector**2 == 1024


def test_prices_keep_the_ratios_that_others_noted() -> None:
    level = SHARED.level_pj
    assert level["dram"] / level["mac"] == pytest.approx(700, rel=0.01)
    assert level["weight_buffer"] / level["mac"] == pytest.approx(9.5, rel=0.01)
    assert level["booth_step"] * 4 == pytest.approx(level["mac"])
    assert level["bit_step"] * 8 == pytest.approx(level["mac"])
    assert level["accumulators"] == pytest.approx(1.36 * (768 / 2048) ** 0.608, rel=0.01)


def test_constants_are_told_in_one_line() -> None:
    told = SHARED.constants
    assert told.startswith(
        "smart-exchange-28nm (DRAM 100 pJ/B at 64 B/cycle, SRAM 1.36 - 2.45 pJ/B, MAC 0.143 pJ, 1 GHz;"
    )
    assert "from memory" in told
    assert "\n" not in told


def test_a_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(dumped(name="mine", array={"slices": 32})))
    mine = load_resources(path)
    assert (mine.name, mine.grouping.filters) == ("mine", 32)
    assert resources_names() == ("smart-exchange-28nm",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prices": {"mac_pj": {"value": -1, "source": "a"}}}, "prices.mac_pj.value = -1"),
        ({"prices": {"mac_pj": {"value": 1, "source": ""}}}, "prices.mac_pj.source = ''"),
        ({"buffers": {"input": {"bytes": 0}}}, "buffers.input.bytes = 0"),
        ({"dram_bytes_per_cycle": {"value": 0}}, "dram_bytes_per_cycle.value = 0"),
        ({"frequency": 3}, "unknown key 'frequency'"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SHARED.changed(**changes)


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"'smart-exchange' are no resources \(did you mean 'smart-exchange-28nm'\?\); there"
    ):
        load_resources("smart-exchange")
    with pytest.raises(ConfigError, match="not readable as text"):
        load_resources(tmp_path)
    (tmp_path / "part.yaml").write_text("name: part\n")
    with pytest.raises(ConfigError, match=r"part\.yaml: source"):
        load_resources(tmp_path / "part.yaml")
    assert isinstance(SHARED, Resources)
