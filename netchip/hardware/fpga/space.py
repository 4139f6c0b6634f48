"""What may be chosen of a chunk, as a value: its name, what all its designs share, and the choices."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.choices import Choice, Choices
from netchip.hardware.fpga.chunk import Chunk, ChunkBatch, engine_index
from netchip.hardware.suggest import did_you_mean

Options = Sequence[int]


@dataclass(frozen=True)
class ChunkSpace:
    """Designs of one chunk: `base` with some of its fields chosen. Every choice is named as a field of `Chunk`.

    Of "engine" the options are places in `ENGINES`. Another template, another field or other options need no change of a search.
    Raises `RequestError` for a choice that no chunk has.
    """

    name: str
    base: Chunk
    choices: Choices

    def __post_init__(self) -> None:
        known = [each.name for each in fields(Chunk)]
        for choice in self.choices.each:
            if choice.name not in known:
                raise RequestError(f"{self.name}: a chunk has no {choice.name!r}{did_you_mean(choice.name, known)}")

    def batch(self, picks: np.ndarray) -> ChunkBatch:
        """The designs of `picks` [P, N]."""
        return ChunkBatch.over(self.base, self.choices.values(picks))


def tiled_space(
    name: str,
    *,
    engines: Sequence[str],
    rows: Options,
    columns: Options,
    out: Options,
    inputs: Options = (1,),
    bits: Options = (16,),
    port_bits: int = 64,
    shared_port: bool = True,
    uram: bool = False,
) -> ChunkSpace:
    """The nine choices of the released space: engine, four tiles, four unrolls, each from the list of its tile and not above it.

    Lists of tiles in elements. Several `bits` make the precision of weights and inputs a choice too, one for both is `weight_bits`
    bounded by `input_bits`: weights never have more bits than inputs. With `uram` it is a choice whether large banks go there.
    """
    tiles = {"rows": rows, "columns": columns, "out": out, "in": inputs}
    choices = [Choice("engine", tuple(float(engine_index(engine)) for engine in engines))]
    choices += [Choice(f"tile_{part}", tuple(map(float, options))) for part, options in tiles.items()]
    choices += [
        Choice(f"unroll_{part}", tuple(map(float, options)), at_most=f"tile_{part}") for part, options in tiles.items()
    ]
    widest = max(bits)
    if len(bits) > 1:
        options = tuple(map(float, bits))
        choices += [Choice("input_bits", options), Choice("weight_bits", options, at_most="input_bits")]
    choices += [Choice("uram", (0.0, 1.0))] if uram else []
    base = Chunk(
        tile_out=1,
        tile_in=1,
        tile_rows=1,
        tile_columns=1,
        weight_bits=widest,
        input_bits=widest,
        output_bits=widest,
        port_bits=port_bits,
        shared_port=shared_port,
    )
    return ChunkSpace(name, base, Choices(tuple(choices)))
