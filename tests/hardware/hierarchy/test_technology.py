"""Technology tables: what comes along, and what is refused."""

from pathlib import Path

import pytest

from netchip.errors import ConfigError
from netchip.hardware.hierarchy.technology import hierarchy, load_technology, technology_names
from netchip.hardware.network_cost import area_mm2


def test_published_prices() -> None:
    relative = load_technology("relative-28nm")
    assert relative.dram_pj_per_bit.value * 16 == pytest.approx(200 * relative.mac_pj.value)
    dosa = load_technology("dosa-40nm")
    assert dosa.buffer.at(100) * 16 == pytest.approx(0.49 + 2.513)


@pytest.mark.parametrize("name", technology_names())
def test_every_table_makes_an_accelerator(name: str) -> None:
    technology = load_technology(name)
    chip = hierarchy(technology, units=168, register_bits=4096, buffer_bits=108 * 8192)
    assert (chip.units, chip.memory("buffer").bits, chip.frequency_hz) == (168, 884_736, technology.frequency_hz.value)
    assert chip.energy.memories["dram"].read_pj == pytest.approx(16 * technology.dram_pj_per_bit.value)
    if technology.area is None:
        with pytest.raises(ConfigError, match=f"{name} states no areas, so none can be limited"):
            technology.area_mm2(168, 4096, 884_736)
    else:
        assert technology.area_mm2(168, 4096, 884_736) == pytest.approx(area_mm2(chip))


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'dosa-45nm' is no technology \(did you mean 'dosa-40nm'\?\)"):
        load_technology("dosa-45nm")
    from importlib.resources import files

    text = files("netchip.hardware").joinpath("hierarchy", "technologies", "dosa-40nm.yaml").read_text()
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("mac_pj: {value: 0.5608", "mac_pj: {value: -1"))
    with pytest.raises(ConfigError, match=r"mac_pj\.value = -1"):
        load_technology(own)
