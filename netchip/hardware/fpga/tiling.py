"""How a chunk cuts a layer into tiles: how large they are, how many there are."""

from dataclasses import dataclass
from typing import Any

from netchip.hardware.arrays import Array
from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable


@dataclass(frozen=True, kw_only=True, eq=False)
class Tiles:
    """Tiles of L layers on N chunks, all [L, N].

    `out`, `channels`, `rows`, `columns`: output channels, input channels read, output rows and columns of a tile; `steps`: tiles of
    input channels that are summed up; `depth`: input channels summed in one step. `blocks`: output tiles of a frame,
    `channel_blocks` of them at each place.
    """

    out: Array
    channels: Array
    depth: Array
    rows: Array
    columns: Array
    steps: Array
    blocks: Array
    channel_blocks: Array


def tiles_of(layers: LayerTable, chunks: ChunkBatch, xp: Any) -> Tiles:
    """Tiles trimmed to the layer; a ragged last tile counts as a whole one.

    A depthwise engine cuts the groups into tiles; the others take group after group.
    """
    deep = chunks.has("depthwise")
    out_bound = xp.where(deep, layers.groups, layers.out_channels)
    out, rows, columns = (
        xp.minimum(tile, bound)
        for tile, bound in (
            (chunks.tile_out, out_bound),
            (chunks.tile_rows, layers.out_height),
            (chunks.tile_columns, layers.out_width),
        )
    )
    depth = xp.minimum(chunks.tile_in, layers.in_channels)
    outer = xp.where(deep, 1.0, layers.groups)
    across = xp.ceil(layers.out_height / rows) * xp.ceil(layers.out_width / columns)
    return Tiles(
        out=out,
        channels=xp.where(deep, out, depth),
        depth=depth,
        rows=rows,
        columns=columns,
        steps=xp.ceil(layers.in_channels / depth),
        blocks=across * xp.ceil(out_bound / out) * outer,
        channel_blocks=xp.ceil(out_bound / out) * outer,
    )
