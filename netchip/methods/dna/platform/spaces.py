"""Chunks to choose from where none are given: lists of tiles that follow the maps a chunk is for."""

from collections.abc import Sequence

from netchip.errors import RequestError
from netchip.hardware.fpga.space import ChunkSpace, tiled_space

_OUT, _IN, _DEEP = (64, 32, 16, 8), (64, 32, 16, 8), (64, 32, 16, 8)


def spaces_by_map_size(
    bounds: Sequence[int] = (16,), *, bits: Sequence[int] = (16,), port_bits: int = 64, uram: bool = False
) -> tuple[ChunkSpace, ...]:
    """A chunk for each kind of layer and band of map heights, in the order and under the names of `by_map_size`.

    `uram`: for boards with UltraRAMs; doubles the designs.

    Raises `RequestError` where bounds do not fall or one is below 2.
    """
    if list(bounds) != sorted(set(bounds), reverse=True) or not bounds or min(bounds) < 2:
        raise RequestError(f"bounds = {list(bounds)}: give map heights that fall, of at least 2, such as (16,)")
    maps = {f">= {bound}": _halved(2 * bound) for bound in bounds} | {f"< {bounds[-1]}": _halved(bounds[-1] // 2)}
    plain = [
        tiled_space(
            f"conv {band}",
            engines=("tree", "rows"),
            rows=sizes,
            columns=sizes,
            out=_OUT,
            inputs=_IN,
            bits=bits,
            port_bits=port_bits,
            uram=uram,
        )
        for band, sizes in maps.items()
    ]
    deep = [
        tiled_space(
            f"depthwise {band}",
            engines=("depthwise_channels", "depthwise_rows"),
            rows=sizes,
            columns=sizes,
            out=_DEEP,
            bits=bits,
            port_bits=port_bits,
            uram=uram,
        )
        for band, sizes in maps.items()
    ]
    return (*plain, *deep)


def equal_spaces(
    count: int, *, bits: Sequence[int] = (16,), port_bits: int = 64, uram: bool = False
) -> tuple[ChunkSpace, ...]:
    """`count` chunks with the same options, of engines that run every layer: for partitions and learned assignments."""
    if count < 1:
        raise RequestError(f"chunks = {count}: a pipeline needs at least one")
    return tuple(
        tiled_space(
            f"chunk{place}",
            engines=("tree", "rows"),
            rows=(32, 16, 8, 4),
            columns=(32, 16, 8, 4),
            out=_OUT,
            inputs=(64, 16, 4, 1),
            bits=bits,
            port_bits=port_bits,
            uram=uram,
        )
        for place in range(count)
    )


def _halved(largest: int) -> tuple[int, ...]:
    """Four sizes at most, each half of the one before."""
    sizes = [max(1, largest >> step) for step in range(4)]
    return tuple(sorted(set(sizes), reverse=True))
