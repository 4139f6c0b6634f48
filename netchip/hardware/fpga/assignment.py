"""Which chunk runs which layer: by the released rule, or the contiguous partition whose slowest chunk is the quickest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.fpga.layer_table import LayerTable


@dataclass(frozen=True)
class Assignment:
    """`chunk[i]` is the place of layer i's chunk in `names`. Raises `RequestError` where a layer names no chunk."""

    names: tuple[str, ...]
    chunk: tuple[int, ...]

    def __post_init__(self) -> None:
        for layer, place in enumerate(self.chunk):
            if not 0 <= place < len(self.names):
                raise RequestError(f"layer {layer} goes to chunk {place}; there are 0 to {len(self.names) - 1}")

    def layers_of(self, place: int) -> tuple[int, ...]:
        """The layers that chunk `place` runs; none where it has no work."""
        return tuple(layer for layer, chunk in enumerate(self.chunk) if chunk == place)


def by_map_size(layers: LayerTable, bounds: Sequence[int] = (16,)) -> Assignment:
    """The released rule: depthwise layers apart from others, and each split by the height of their output map.

    `bounds` fall: (16,) makes "conv >= 16", "conv < 16", "depthwise >= 16", "depthwise < 16", in that order.
    """
    if list(bounds) != sorted(set(bounds), reverse=True) or not bounds:
        raise RequestError(f"bounds = {list(bounds)}: give map heights that fall, such as (16,)")
    sizes = [*(f">= {bound}" for bound in bounds), f"< {bounds[-1]}"]
    names = [f"{kind} {size}" for kind in ("conv", "depthwise") for size in sizes]
    height, deep = np.asarray(layers.out_height)[:, 0], np.asarray(layers.depthwise)[:, 0]
    rank = (height[:, None] < np.asarray(bounds)).sum(1)
    return Assignment(tuple(names), tuple(int(each) for each in rank + deep * len(sizes)))


def contiguous(cycles: np.ndarray, names: Sequence[str]) -> Assignment:
    """The partition of layers, kept in order, into runs for chunks in their order, whose slowest chunk takes the fewest cycles.

    `cycles` [C, L]: what each chunk takes for each layer, infinite where it cannot run it. A chunk may stay empty. Exact, by
    dynamic programming in C L^2 steps. Raises `RequestError` that names the first layer no chunk can run, or that no order allows.
    """
    count, length = cycles.shape
    if len(names) != count:
        raise RequestError(f"{len(names)} names for {count} chunks; give one each")
    for layer in np.flatnonzero(~np.isfinite(cycles).any(0)):
        raise RequestError(f"layer {layer} runs on no chunk; give one of them an engine and bits that it needs")
    best: Any = np.full(length + 1, np.inf)  # of the first j layers, on the chunks so far
    best[0] = 0.0
    starts = np.zeros((count, length + 1), dtype=np.int64)
    for place in range(count):
        total = np.maximum(best[:, None], _spans(cycles[place]))
        starts[place], best = total.argmin(0), total.min(0)
    if not np.isfinite(best[-1]):
        raise RequestError(
            "no contiguous partition runs every layer, in the order of the chunks; add chunks, or assign layers by kind"
        )
    return Assignment(tuple(names), _read_back(starts))


def _spans(cycles: np.ndarray) -> np.ndarray:
    """Cycles of the layers i to j - 1 on one chunk, [i, j]; infinite where j < i or one of them cannot run."""
    able = np.isfinite(cycles)
    sums = np.concatenate([[0.0], np.cumsum(np.where(able, cycles, 0.0))])
    faults = np.concatenate([[0], np.cumsum(~able)])
    spans = sums[None, :] - sums[:, None]
    possible = (faults[None, :] == faults[:, None]) & (np.arange(len(sums))[None, :] >= np.arange(len(sums))[:, None])
    return np.where(possible, np.maximum(spans, 0.0), np.inf)


def _read_back(starts: np.ndarray) -> tuple[int, ...]:
    """The chunk of each layer."""
    end, found = starts.shape[1] - 1, np.zeros(starts.shape[1] - 1, dtype=np.int64)
    for place in range(len(starts) - 1, -1, -1):
        start = int(starts[place, end])
        found[start:end] = place
        end = start
    return tuple(int(each) for each in found)
