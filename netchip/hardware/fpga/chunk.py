"""A chunk: one convolution engine with its buffers and its port. One that can be read, and many as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.arrays import Array, column, namespace_of
from netchip.hardware.suggest import did_you_mean


@dataclass(frozen=True)
class EngineTemplate:
    """Which loops an engine runs side by side: output channels, input channels (an adder tree), rows, columns of the output.

    A `depthwise` engine takes layers with one channel a group, and its output channels are the groups.
    """

    name: str
    out: bool = False
    inputs: bool = False
    rows: bool = False
    columns: bool = False
    depthwise: bool = False


ENGINES: tuple[EngineTemplate, ...] = (
    EngineTemplate("broadcast", out=True),
    EngineTemplate("tree", out=True, inputs=True),
    EngineTemplate("rows", rows=True),
    EngineTemplate("free", out=True, inputs=True, rows=True, columns=True),
    EngineTemplate("depthwise_channels", out=True, depthwise=True),
    EngineTemplate("depthwise_rows", rows=True, depthwise=True),
    EngineTemplate("depthwise_free", out=True, rows=True, columns=True, depthwise=True),
)
"""The first three and the two depthwise ones without "free" are those of the released space; the others contain them."""


def engine_index(name: str) -> int:
    """The place of a template in `ENGINES`; raises `RequestError` that lists the names there are."""
    names = [engine.name for engine in ENGINES]
    if name not in names:
        raise RequestError(f"no engine is called {name!r}{did_you_mean(name, names)}")
    return names.index(name)


_PARTS = ("out", "in", "rows", "columns")
_COUNTS = (
    *(f"tile_{part}" for part in _PARTS),
    *(f"unroll_{part}" for part in _PARTS),
    *("weight_bits", "input_bits", "output_bits", "sum_bits", "port_bits"),
)
FLAGS = ("shared_port", "lut_multipliers", "uram")


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One chunk. Tiles are what a buffer holds: output channels, input channels, output rows and columns; unrolls run side by side.

    A tile beyond a layer's size is trimmed to it; an unroll that the engine does not have counts as 1. `sum_bits` are those of
    a partial sum. `port_bits` pass the port in a cycle; with `shared_port` inputs, weights and outputs take turns on it, without
    each has such a port. `lut_multipliers` builds the multipliers of look-up tables instead of DSP slices;
    `uram` puts large banks into UltraRAMs where the board has them.
    Raises `RequestError` that names a number below 1, or an unroll above its tile.
    """

    engine: str = "tree"
    tile_out: int
    tile_in: int
    tile_rows: int
    tile_columns: int
    unroll_out: int = 1
    unroll_in: int = 1
    unroll_rows: int = 1
    unroll_columns: int = 1
    weight_bits: int = 16
    input_bits: int = 16
    output_bits: int = 16
    sum_bits: int = 32
    port_bits: int = 64
    shared_port: bool = True
    lut_multipliers: bool = False
    uram: bool = False

    def __post_init__(self) -> None:
        engine_index(self.engine)
        for name in _COUNTS:
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise RequestError(f"{name} = {value!r}: give a whole number of at least 1")
        for part in _PARTS:
            tile, unroll = getattr(self, f"tile_{part}"), getattr(self, f"unroll_{part}")
            if unroll > tile:
                raise RequestError(
                    f"unroll_{part} = {unroll} is above tile_{part} = {tile}; lower it or raise the tile"
                )

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """The chunk of plain data; raises `RequestError` that names an unknown or a missing key."""
        known = [each.name for each in fields(cls)]
        for name in data:
            if name not in known:
                raise RequestError(f"a chunk has no {name!r}{did_you_mean(name, known)}")
        for name in _COUNTS[:4]:
            if name not in data:
                raise RequestError(f"a chunk needs {name}; give a whole number of at least 1")
        return cls(**data)


@dataclass(frozen=True, kw_only=True, eq=False)
class ChunkBatch:
    """N chunks as arrays [N], or [1] for all alike; `engine` is an index into `ENGINES`, flags are 0 or 1."""

    engine: Array
    tile_out: Array
    tile_in: Array
    tile_rows: Array
    tile_columns: Array
    unroll_out: Array
    unroll_in: Array
    unroll_rows: Array
    unroll_columns: Array
    weight_bits: Array
    input_bits: Array
    output_bits: Array
    sum_bits: Array
    port_bits: Array
    shared_port: Array
    lut_multipliers: Array
    uram: Array

    @classmethod
    def of(cls, chunks: Sequence[Chunk], *, xp: Any = np) -> Self:
        """The chunks as arrays."""
        rows = [numbers_of(chunk) for chunk in chunks]
        return cls(**{name: xp.asarray([row[name] for row in rows], dtype=xp.float64) for name in rows[0]})

    @classmethod
    def over(cls, base: Chunk, values: Mapping[str, Array]) -> Self:
        """Many chunks like `base` but for `values` [N] by name; raises `RequestError` for a name that no chunk has."""
        plain = numbers_of(base)
        for name in values:
            if name not in plain:
                raise RequestError(f"a chunk has no {name!r}{did_you_mean(name, plain)}")
        given = next(iter(values.values()), np.zeros(1))
        xp = namespace_of(given)
        constants = {name: xp.asarray([value], dtype=given.dtype) for name, value in plain.items()}
        return cls(**{**constants, **values})

    def __len__(self) -> int:
        return max(getattr(self, each.name).shape[-1] for each in fields(self))

    def at(self, index: Any) -> "ChunkBatch":
        """The chunks at an index or slice."""
        arrays = {each.name: getattr(self, each.name) for each in fields(self)}
        return ChunkBatch(**{name: array[index] if array.shape[-1] > 1 else array for name, array in arrays.items()})

    def row(self, index: int) -> Chunk:
        """One chunk in its readable form."""
        numbers = {each.name: int(column(getattr(self, each.name), index)) for each in fields(self)}
        flags = {name: bool(numbers.pop(name)) for name in FLAGS}
        values: dict[str, Any] = {**numbers, **flags, "engine": ENGINES[numbers["engine"]].name}
        return Chunk(**values)

    def has(self, part: str) -> Array:
        """Whether each chunk's engine has a flag of `EngineTemplate`, bool [N]."""
        found = self.engine < 0
        for place, template in enumerate(ENGINES):
            if getattr(template, part):
                found = found | (self.engine == place)
        return found


def numbers_of(chunk: Chunk) -> dict[str, float]:
    """The fields of a chunk as numbers."""
    plain = {each.name: getattr(chunk, each.name) for each in fields(chunk)}
    return {name: float(engine_index(value) if name == "engine" else value) for name, value in plain.items()}
