"""The words of ZigZag 3.x's files: its operands, directions and names, and the grammar of its accelerator file.

Source: the schemas in zigzag-dse 3.9.1 (`zigzag/parser/*_validator.py`).
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from netchip.hardware.accelerator import PortKind, PortMove
from netchip.hardware.dimensions import Move, Operand
from netchip.spec import Spec

MEMORY_OPERANDS: dict[Operand, str] = {"O": "O", "W": "I2", "I": "I1"}
"""What ZigZag's memories call our operands; its mapping file states these links."""
DIRECTIONS: dict[Move, str] = {"fill": "fh", "read": "tl", "update": "fl", "drain": "th"}
"""From high, to low, from low, to high: the directions of our moves."""
MOST_DIMENSIONS = 4
"""A mapping file can name D1 to D4."""
ARRAY_NAME = re.compile(r"D[1-4]")
PORT_NAME = re.compile(r"r?w?_port_\d+")
WITHOUT_LIMIT_BITS = 2**62
"""The size that stands for a memory without limit, since every memory must have one."""

_OPERAND_OF: dict[str, Operand] = {name: operand for operand, name in MEMORY_OPERANDS.items()}
_MOVE_OF: dict[str, Move] = {name: move for move, name in DIRECTIONS.items()}

MemoryOperand = Literal["I1", "I2", "O"]
_Bits = Annotated[int, Field(ge=1)]
_Cost = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ZigZagPort(Spec):
    """A port: what one access moves at least and at most, and which moves it serves ("I1, tl")."""

    name: str
    type: PortKind
    bandwidth_min: _Bits
    bandwidth_max: _Bits
    allocation: tuple[str, ...]

    @field_validator("allocation")
    @classmethod
    def _readable(cls, allocation: tuple[str, ...]) -> tuple[str, ...]:
        for each in allocation:
            operand, _, direction = each.partition(", ")
            if operand not in _OPERAND_OF or direction not in _MOVE_OF:
                raise ValueError(
                    "write 'I1, tl': an operand (I1, I2 or O), then fh, fl (from high, from low), th or tl (to high, to low)"
                )
        return allocation

    @property
    def moves(self) -> tuple[PortMove, ...]:
        """The moves of the allocation in our names."""
        pairs = [each.split(", ") for each in self.allocation]
        return tuple((_OPERAND_OF[operand], _MOVE_OF[direction]) for operand, direction in pairs)


class ZigZagMemory(Spec):
    """A memory: sizes in bits, costs in pJ of one access of a port's full width."""

    size: _Bits
    operands: Annotated[tuple[MemoryOperand, ...], Field(min_length=1)]
    ports: tuple[ZigZagPort, ...]
    served_dimensions: tuple[str, ...]
    latency: int = 1
    r_cost: _Cost | None = None
    w_cost: _Cost | None = None
    area: _Cost | None = None
    mem_type: str = "sram"
    auto_cost_extraction: bool = False
    force_double_buffering: bool = False

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if self.auto_cost_extraction:
            raise ValueError("auto_cost_extraction asks ZigZag to run CACTI; give r_cost and w_cost in pJ instead")
        for name in ("r_cost", "w_cost"):
            if getattr(self, name) is None:
                raise ValueError(f"{name} is missing; give the pJ of one access")
        return self

    @property
    def held(self) -> tuple[Operand, ...]:
        """The operands in our names."""
        return tuple(_OPERAND_OF[name] for name in self.operands)


class ZigZagArray(Spec):
    """The array of MACs."""

    dimensions: Annotated[tuple[str, ...], Field(min_length=1)]
    sizes: tuple[Annotated[int, Field(ge=1)], ...]
    unit_energy: _Cost
    unit_area: _Cost = 0.0
    systolic_dimensions: tuple[str, ...] = ()
    is_imc: bool = False
    imc_type: str | None = None
    adc_resolution: float | None = None
    bit_serial_precision: float | None = None
    input_precision: tuple[int, ...] | None = None

    @model_validator(mode="after")
    def _plain(self) -> Self:
        if self.is_imc or self.imc_type:
            raise ValueError("is_imc: arrays that compute in memory are not modelled; give one of multipliers")
        if len(self.dimensions) != len(self.sizes):
            raise ValueError(f"{len(self.dimensions)} dimensions have {len(self.sizes)} sizes; give one size for each")
        if len(set(self.dimensions)) < len(self.dimensions):
            raise ValueError(f"dimensions = {list(self.dimensions)} names one twice; keep one")
        return self


class ZigZagAccelerator(Spec):
    """An accelerator file, its memories from inner to outer. `dataflows` only hints at mappings and is not kept."""

    name: Annotated[str, Field(min_length=1)]
    memories: Annotated[Mapping[str, ZigZagMemory], Field(min_length=1)]
    operational_array: ZigZagArray
    dataflows: Any = None
