"""What all engines are given alike: the size of the array, buffers, DRAM, prices. Every constant carries its source."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from netchip.hardware.energy import Picojoules, Source
from netchip.hardware.shelf import Shelf
from netchip.spec import Spec
from netchip.workload.sparsity import Grouping

DEFAULT = "smart-exchange-28nm"
_PRESETS = Shelf.of(
    "engines", "presets", refusal="{name} are no resources{hint}; there are {known}, or give a YAML file"
)
_Count = Annotated[int, Field(ge=1)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Price(Spec):
    """A price or count of at least 0, and who says so."""

    value: Picojoules
    source: Source


class Rate(Spec):
    """A number above 0, and who says so."""

    value: _Positive
    source: Source


class EngineArray(Spec):
    """Filters, input channels and output columns side by side; engines with parallel multipliers have no lanes of columns."""

    slices: _Count
    lines: _Count
    lanes: _Count
    source: Source


class Buffer(Spec):
    """An SRAM: its size, and the energy of a byte read or written."""

    bytes: _Count
    pj_per_byte: Picojoules
    source: Source


class Buffers(Spec):
    """The three buffers on the chip."""

    input: Buffer
    weight: Buffer
    output: Buffer


class Prices(Spec):
    """Energies in pJ of a byte of DRAM, and of single pieces of work."""

    dram_pj_per_byte: Price
    mac_pj: Price
    booth_step_pj: Price
    bit_step_pj: Price
    add_pj: Price
    index_check_pj: Price


class CambriconXParts(Spec):
    """What only Cambricon-X has: bits that say how far the next non-zero weight is."""

    index_bits: Price


class ScnnParts(Spec):
    """What only SCNN has: tiles x tiles units of vector x vector multipliers, run lengths, banks of accumulators."""

    tiles: _Count
    vector: _Count
    source: Source
    run_length_bits: Price
    accumulator_bytes: Price
    accumulator_pj_per_byte: Price
    conflict_factor: Rate


class Resources(Spec):
    """All that the engines of a comparison share. `level_pj` has the price of a byte or a piece of work by level."""

    name: str
    source: Source
    frequency_hz: Rate
    dram_bytes_per_cycle: Rate
    array: EngineArray
    buffers: Buffers
    prices: Prices
    cambricon_x: CambriconXParts
    scnn: ScnnParts

    @property
    def grouping(self) -> Grouping:
        """What goes in step on this array: what statistics have to be counted for."""
        array, scnn = self.array, self.scnn
        return Grouping(
            filters=array.slices, lines=array.lines, lanes=array.lanes, vector=scnn.vector, tiles=scnn.tiles
        )

    @property
    def level_pj(self) -> Mapping[str, float]:
        """Energy by level: a byte of a memory, a piece of work."""
        prices, buffers = self.prices, self.buffers
        return {
            "dram": prices.dram_pj_per_byte.value,
            "input_buffer": buffers.input.pj_per_byte,
            "weight_buffer": buffers.weight.pj_per_byte,
            "output_buffer": buffers.output.pj_per_byte,
            "accumulators": self.scnn.accumulator_pj_per_byte.value,
            "mac": prices.mac_pj.value,
            "booth_step": prices.booth_step_pj.value,
            "bit_step": prices.bit_step_pj.value,
            "rebuild_add": prices.add_pj.value,
            "index_check": prices.index_check_pj.value,
        }

    @property
    def constants(self) -> str:
        """The constants in one line, for whoever prints a figure that rests on them."""
        prices = self.prices
        return (
            f"{self.name} (DRAM {prices.dram_pj_per_byte.value:g} pJ/B at {self.dram_bytes_per_cycle.value:g} B/cycle, "
            f"SRAM {self.buffers.weight.pj_per_byte:g} - {self.buffers.input.pj_per_byte:g} pJ/B, "
            f"MAC {prices.mac_pj.value:g} pJ, {self.frequency_hz.value / 1e9:g} GHz; {self.source})"
        )


class EngineOptions(Spec):
    """What the estimate leaves open.

    `compact_mapping`: SmartExchange deals a depthwise layer's kernel rows to lines (R of 16 work, else 1). `cluster_split`: where
    output rows are one column wide, a line's lanes work as two clusters on different filters. `cache_rebuilt_rows`: a rebuilt
    row is kept as 8-bit weights and read again for each tile of outputs, instead of rebuilt. `pragmatic_steps`: what
    Bit-pragmatic counts.
    """

    compact_mapping: bool = True
    cluster_split: bool = True
    cache_rebuilt_rows: bool = False
    pragmatic_steps: Literal["bits", "booth"] = "bits"


def resources_names() -> tuple[str, ...]:
    """The names of the presets."""
    return _PRESETS.names


def load_resources(name_or_file: str | Path = DEFAULT) -> Resources:
    """The resources of a preset's name, or of a YAML file.

    Raises `ConfigError` that names the file, the field, the value and what to do.
    """
    return Resources.parse(_PRESETS.read(name_or_file), source=str(name_or_file))
