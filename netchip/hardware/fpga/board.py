"""An FPGA board: what there is of each resource, and how much of it a design can use. Every figure carries its source."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from netchip.hardware.energy import Source
from netchip.hardware.shelf import Shelf
from netchip.spec import Spec

Family = Literal["7-series", "ultrascale+"]
RESOURCES = ("dsp", "bram18", "uram", "lut", "ff")
_BOARDS = Shelf.of("fpga", "boards", refusal="{name} is no board{hint}; give a YAML file, or one of them")
_Share = Annotated[float, Field(gt=0, le=1)]


class Amount(Spec):
    """How much there is of something on the board, at least 0, and who says so."""

    value: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    source: Source


class Positive(Spec):
    """A rate or width above 0, and who says so."""

    value: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    source: Source


class Usable(Spec):
    """Share of each resource that a design may use and still be placed, routed and clocked as asked."""

    dsp: _Share = 0.8
    bram18: _Share = 0.8
    uram: _Share = 0.8
    lut: _Share = 0.7
    ff: _Share = 0.5
    source: Source = "FINN, utilisation at which timing still closed"


class Board(Spec):
    """A board: DSP slices, 18-kbit block RAMs, UltraRAMs, look-up tables, flip-flops, and bits a second of its DRAM.

    `port_bits` is the width of one DMA port into the fabric. `frequency_hz` is the clock of designs where none is asked for.
    Raises `ConfigError` through `parse` where an amount is missing or negative.
    """

    name: Annotated[str, Field(min_length=1)]
    source: Source
    family: Family
    dsp: Amount
    bram18: Amount
    uram: Amount
    lut: Amount
    ff: Amount
    bandwidth_bits_per_s: Positive
    port_bits: Positive
    frequency_hz: Positive
    usable: Usable = Usable()

    @property
    def limits(self) -> dict[str, float]:
        """What a design may use of each resource, by name."""
        return {name: getattr(self, name).value * getattr(self.usable, name) for name in RESOURCES}

    @property
    def bandwidth_bits_per_cycle(self) -> float:
        """Bits that the DRAM moves in a cycle of the fabric's clock."""
        return self.bandwidth_bits_per_s.value / self.frequency_hz.value


def board_names() -> tuple[str, ...]:
    """The names of the boards that netchip brings along."""
    return _BOARDS.names


def load_board(name_or_file: str | Path) -> Board:
    """The board of that name, or of a YAML file; raises `ConfigError` that names the file, the field and what to do."""
    return Board.parse(_BOARDS.read(name_or_file), source=str(name_or_file))
