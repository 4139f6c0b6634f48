"""Which chunk of a pipeline runs a layer, as a value that also answers for layers it was not made for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from netchip.errors import DataError
from netchip.hardware.fpga.assignment import by_map_size
from netchip.hardware.fpga.layer_table import LayerTable


class Rule(Protocol):
    """From layers to chunks."""

    def places(self, layers: LayerTable, cycles: np.ndarray) -> tuple[int, ...]:
        """The chunk of each layer. `cycles` [C, L]: what each chunk takes, infinite where it cannot run the layer."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        ...


@dataclass(frozen=True)
class MapSizeRule:
    """The released rule: depthwise layers apart from others, each split by the height of their output map (`by_map_size`)."""

    bounds: tuple[int, ...] = (16,)

    def places(self, layers: LayerTable, cycles: np.ndarray) -> tuple[int, ...]:
        """By kind and height alone."""
        return by_map_size(layers, self.bounds).chunk

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"rule": "map-size", "bounds": list(self.bounds)}


@dataclass(frozen=True)
class NamedRule:
    """A chunk for each layer of one network, by name: what a partition or a learned assignment found.

    A layer of another name goes where its nearest kin went: the layer that shares the most leading parts of the dotted name, and
    whose chunk can run it; with no kin, to the chunk that runs it the quickest.
    """

    chunk_of: tuple[tuple[str, int], ...]

    def places(self, layers: LayerTable, cycles: np.ndarray) -> tuple[int, ...]:
        """By name, then by kin, then by speed."""
        known = dict(self.chunk_of)
        return tuple(
            known[name] if name in known else self._of_kin(name, cycles[:, column])
            for column, name in enumerate(layers.names)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"rule": "named", "chunks": dict(self.chunk_of)}

    def _of_kin(self, name: str, cycles: np.ndarray) -> int:
        kin = [(_shared(name, other), place) for other, place in self.chunk_of if np.isfinite(cycles[place])]
        nearest = max(kin, key=lambda each: each[0], default=(0, 0))
        return nearest[1] if nearest[0] else int(np.argmin(cycles))


def rule_from_json(data: Mapping[str, Any]) -> Rule:
    """The rule that `to_json` wrote; raises `DataError` for another."""
    if data["rule"] == "map-size":
        return MapSizeRule(tuple(int(each) for each in data["bounds"]))
    if data["rule"] == "named":
        return NamedRule(tuple((str(name), int(place)) for name, place in data["chunks"].items()))
    raise DataError(f"rule = {data['rule']!r}: give 'map-size' or 'named'")


def _shared(name: str, other: str) -> int:
    """How many leading parts two dotted names share."""
    count = 0
    for own, its in zip(name.split("."), other.split("."), strict=False):
        if own != its:
            break
        count += 1
    return count
