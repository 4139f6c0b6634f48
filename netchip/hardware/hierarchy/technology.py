"""What a hierarchy's parts cost in one technology: a table of figures with their sources, and the accelerator of given sizes."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from netchip.errors import ConfigError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.energy import Picojoules, Source
from netchip.hardware.engines.resources import Price, Rate
from netchip.hardware.shelf import Shelf
from netchip.spec import Spec

WORD_BITS = 16
_TABLES = Shelf.of(
    "hierarchy", "technologies", refusal="{name} is no technology{hint}; give a YAML file, or one of them"
)
_KIB_BITS = 8192


class MemoryPrice(Spec):
    """Energy of a bit read or written: `pj_per_bit`, and so much more for each KiB of the memory."""

    pj_per_bit: Picojoules
    pj_per_bit_kib: Picojoules = 0.0
    source: Source

    def at(self, kib: Any) -> Any:
        """Energy of a bit in a memory of so many KiB; numbers or arrays."""
        return self.pj_per_bit + self.pj_per_bit_kib * kib


class Areas(Spec):
    """Area in um2 of a MAC unit of 16 bits, a bit of registers and a bit of the buffer."""

    mac_um2: Price
    register_um2_per_bit: Price
    buffer_um2_per_bit: Price


class Technology(Spec):
    """Prices in pJ, widths in bits a cycle and the clock. A MAC is one of 16 x 16 bits; a hop moves 16 bits by one unit."""

    name: Annotated[str, Field(min_length=1)]
    source: Source
    nm: Rate
    frequency_hz: Rate
    mac_pj: Price
    hop_pj: Price
    registers: MemoryPrice
    buffer: MemoryPrice
    dram_pj_per_bit: Price
    buffer_bits_per_cycle: Rate
    dram_bits_per_cycle: Rate
    area: Areas | None = None

    def area_mm2(self, units: Any, register_bits: Any, buffer_bits: Any) -> Any:
        """Area of an accelerator of these sizes, numbers or arrays; raises `ConfigError` where the table has no areas."""
        if self.area is None:
            raise ConfigError(f"{self.name} states no areas, so none can be limited; choose another technology")
        each = self.area.mac_um2.value + register_bits * self.area.register_um2_per_bit.value
        return (units * each + buffer_bits * self.area.buffer_um2_per_bit.value) * 1e-6


def technology_names() -> tuple[str, ...]:
    """The names of the tables that netchip brings along."""
    return _TABLES.names


def load_technology(name_or_file: str | Path) -> Technology:
    """The table of that name, or of a YAML file; raises `ConfigError` that names the file, the field and what to do."""
    return Technology.parse(_TABLES.read(name_or_file), source=str(name_or_file))


def hierarchy(technology: Technology, *, units: int, register_bits: int, buffer_bits: int) -> Accelerator:
    """An accelerator of `units` MACs in a row, registers of so many bits in each, and one buffer below the DRAM."""
    everyone = ["units"]
    energy = {
        "mac": {"pj": technology.mac_pj.value, "source": technology.mac_pj.source},
        "mac_bits": [WORD_BITS, WORD_BITS],
        "hop": {"pj": technology.hop_pj.value, "source": technology.hop_pj.source},
        "memories": {
            "register": _energy(technology.registers, register_bits / _KIB_BITS),
            "buffer": _energy(technology.buffer, buffer_bits / _KIB_BITS),
            "dram": _energy(
                MemoryPrice(pj_per_bit=technology.dram_pj_per_bit.value, source=technology.dram_pj_per_bit.source), 0.0
            ),
        },
    }
    data = {
        "name": f"hierarchy-{technology.name}",
        "source": f"generic hierarchy of {units} units; {technology.source}",
        "technology_nm": technology.nm.value,
        "frequency_hz": technology.frequency_hz.value,
        "precision": dict.fromkeys(("weight_bits", "input_bits", "output_bits", "accumulator_bits"), WORD_BITS),
        "array": {"units": units},
        "kinds": ["conv"],
        "memories": [
            {"name": "register", "bits": register_bits, "operands": ["W", "I", "O"], "access_bits": WORD_BITS},
            {
                "name": "buffer",
                "bits": buffer_bits,
                "operands": ["W", "I", "O"],
                "serves": everyone,
                "access_bits": WORD_BITS,
                "ports": _ports(technology.buffer_bits_per_cycle.value, ("read", "write")),
            },
            {
                "name": "dram",
                "operands": ["W", "I", "O"],
                "serves": everyone,
                "access_bits": WORD_BITS,
                "ports": _ports(technology.dram_bits_per_cycle.value, ("read_write",)),
            },
        ],
        "energy": energy,
    }
    if technology.area is not None:
        data["area"] = _areas(technology.area, register_bits, buffer_bits)
    return Accelerator.parse(data, source=technology.name)


def _energy(price: MemoryPrice, kib: float) -> dict[str, Any]:
    access = price.at(kib) * WORD_BITS
    return {"read_pj": access, "write_pj": access, "source": price.source}


def _ports(bits: float, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"name": kind, "kind": kind, "bits_per_cycle": int(bits)} for kind in kinds]


def _areas(area: Areas, register_bits: int, buffer_bits: int) -> dict[str, Any]:
    return {
        "mac": {"mm2": area.mac_um2.value * 1e-6, "source": area.mac_um2.source},
        "memories": {
            "register": {
                "mm2": area.register_um2_per_bit.value * register_bits * 1e-6,
                "source": area.register_um2_per_bit.source,
            },
            "buffer": {
                "mm2": area.buffer_um2_per_bit.value * buffer_bits * 1e-6,
                "source": area.buffer_um2_per_bit.source,
            },
            "dram": {"mm2": 0.0, "source": "off the chip"},
        },
    }
