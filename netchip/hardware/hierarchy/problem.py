"""The generic hierarchy as a problem: sizes for all layers; for each kind of layer a template, orders and ratios."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import array_api_compat.numpy
import numpy as np

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.checks import check_layers
from netchip.hardware.choices import Choice, Choices
from netchip.hardware.cost import evaluate
from netchip.hardware.dimensions import DIMS
from netchip.hardware.even_batch import EvenBatch
from netchip.hardware.hierarchy.technology import WORD_BITS, Technology, hierarchy
from netchip.hardware.hierarchy.template import ARRAYS, ORDERED, TILED
from netchip.hardware.hierarchy.tiling import Ratios, Room, TilingTable, factors_by_ratio, tiling_table
from netchip.hardware.mapping import Mapping as LoopMapping
from netchip.hardware.search.problem import Scores, excess_of
from netchip.workload.layer import Layer

Objective = Literal["edp", "energy", "latency"]
LIMITED = ("energy_pj", "latency_s", "area_mm2", "power_w")
LEVELS = ("register", "buffer", "dram")
RATIOS = tuple(map(float, range(1, 11)))
AT_ONCE = 1 << 14
_LEVELS_OF_MEMORIES = (0, 1, 2)
_KINDS = ("conv", "depthwise")


@dataclass(frozen=True)
class Sizes:
    """Options of the sizes: MAC units, bytes of registers in each, KiB of the buffer."""

    units: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    register_bytes: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    buffer_kib: tuple[int, ...] = (27, 54, 108, 216, 432)


def kind_choices(kind: str) -> list[Choice]:
    """An array template, ratios of the loops at each place, and their order at each level, a higher number being further out."""
    found = [Choice(f"{kind}.array", tuple(map(float, range(len(ARRAYS)))))]
    for place, count in (("register", len(TILED)), ("array", 4), ("buffer", len(TILED))):
        names = TILED if count == len(TILED) else tuple(map(str, range(count)))
        found += [Choice(f"{kind}.{place}.{name}", RATIOS) for name in names]
    order = tuple(map(float, range(len(ORDERED))))
    return found + [Choice(f"{kind}.order.{level}.{dim}", order) for level in LEVELS for dim in ORDERED]


@dataclass(frozen=True, eq=False)
class HierarchyProblem:
    """Layers on a hierarchy of one technology. The cost is energy x latency (pJ s), energy (pJ) or latency (s) of a pass.

    `limits`: energy_pj, latency_s, area_mm2, power_w. Depthwise layers have a template, orders and ratios of their own; all layers
    run one after the other on all units. Raises `RequestError` where a layer cannot run, or the least sizes hold no one element.
    """

    layers: tuple[Layer, ...]
    technology: Technology
    limits: Mapping[str, float]
    sizes: Sizes = Sizes()
    objective: Objective = "edp"

    def __post_init__(self) -> None:
        if not self.layers:
            raise RequestError("no layer was given; give at least one")
        for name in self.limits:
            if name not in LIMITED:
                raise RequestError(f"{name!r} is nothing to limit here; there are {', '.join(LIMITED)}")
        check_layers(self.layers, self._largest)
        least = min(min(self.sizes.register_bytes) * 8, min(self.sizes.buffer_kib) * 8192)
        if self._table.least_bits() > least:
            raise RequestError(
                f"registers of {min(self.sizes.register_bytes)} B do not hold one weight, input and sum of "
                f"{self._table.least_bits()} bits; leave that option out"
            )

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of layers that there are."""
        deep = self._table.depthwise
        return tuple(kind for kind, there in zip(_KINDS, (not deep.all(), deep.any()), strict=True) if there)

    @property
    def choices(self) -> Choices:
        """The three sizes, and those of each kind."""
        return self._choices

    @cached_property
    def _choices(self) -> Choices:
        sizes = [
            Choice("units", tuple(map(float, self.sizes.units))),
            Choice("register_bytes", tuple(map(float, self.sizes.register_bytes))),
            Choice("buffer_kib", tuple(map(float, self.sizes.buffer_kib))),
        ]
        return Choices((*sizes, *(choice for kind in self.kinds for choice in kind_choices(kind))))

    def score(self, picks: np.ndarray) -> Scores:
        """What N designs cost."""
        step = max(1, AT_ONCE // len(self._distinct))
        parts = [self._energy_and_cycles(picks[:, at : at + step]) for at in range(0, picks.shape[1], step)]
        energy, cycles = np.concatenate(parts, axis=1)
        latency = cycles / self.technology.frequency_hz.value
        usage = {"energy_pj": energy, "latency_s": latency, "power_w": energy * 1e-12 / latency}
        if "area_mm2" in self.limits:
            room = self._room(picks)
            usage["area_mm2"] = self.technology.area_mm2(room.units, room.register_bits, room.buffer_bits)
        cost = {"edp": energy * latency, "energy": energy, "latency": latency}[self.objective]
        return Scores(cost=cost, excess=excess_of(usage, self.limits, picks.shape[1]), usage=usage)

    def accelerator_of(self, picks: np.ndarray) -> Accelerator:
        """The accelerator of one design [P]."""
        room = self._room(picks[:, None])
        units, registers, buffer = (int(each[0]) for each in (room.units, room.register_bits, room.buffer_bits))
        return hierarchy(self.technology, units=units, register_bits=registers, buffer_bits=buffer)

    def mappings_of(self, picks: np.ndarray) -> tuple[LoopMapping, ...]:
        """The mapping of each layer in one design [P], in the order of the layers."""
        batch, accelerator = self._mappings(picks[:, None]), self.accelerator_of(picks)
        return tuple(
            batch.row(self._place[layer], accelerator, array_api_compat.numpy) for layer in range(len(self.layers))
        )

    def layer_costs(self, picks: np.ndarray) -> np.ndarray:
        """Energy in pJ and cycles [2, L] of each layer in one design [P]."""
        return self._each(picks[:, None])[:, self._place, 0]

    def _energy_and_cycles(self, picks: np.ndarray) -> np.ndarray:
        """Energy in pJ and cycles [2, N] of a pass."""
        times = np.array([float(np.sum(self._place == place)) for place in range(len(self._distinct))])
        return np.tensordot(times, self._each(picks), axes=(0, 1))

    def _each(self, picks: np.ndarray) -> np.ndarray:
        """Energy in pJ and cycles [2, distinct layer, N] of a pass through one of each."""
        size, distinct = picks.shape[1], [self.layers[index] for index in self._distinct]
        costs = evaluate(distinct, self._largest, self._mappings(picks), check=False)
        room, word = self._room(picks), float(WORD_BITS)
        prices = {
            "register": self.technology.registers.at(room.register_bits / 8192) * word,
            "buffer": self.technology.buffer.at(room.buffer_bits / 8192) * word,
        }
        spread = {
            f"{memory}.{way}": np.tile(np.broadcast_to(price, (size,)), len(distinct))
            for memory, price in prices.items()
            for way in ("read", "write")
        }
        both = np.stack(
            [np.broadcast_to(each, (len(distinct) * size,)) for each in (costs.energy_at(spread), costs.cycles)]
        )
        return both.reshape(2, len(distinct), size)

    def _mappings(self, picks: np.ndarray) -> EvenBatch:
        """The mappings of all distinct layers, layer after layer, N designs each."""
        size, values = picks.shape[1], self.choices.values(picks)
        layer = np.repeat(np.arange(len(self._distinct)), size)
        room = self._room(picks)
        ratios = [self._of_kinds(values, place) for place in ("register", "array", "buffer")]
        factor, spatial = factors_by_ratio(
            self._table,
            np.asarray(self._distinct)[layer],
            Ratios(*ratios),
            Room(*(np.tile(each, len(self._distinct)) for each in (room.units, room.register_bits, room.buffer_bits))),
        )
        place = np.stack([self._of_kinds(values, f"order.{level}") for level in LEVELS])
        return EvenBatch(levels=_LEVELS_OF_MEMORIES, factor=factor, place=place, spatial=spatial, layer=layer)

    def _of_kinds(self, values: Mapping[str, np.ndarray], place: str) -> np.ndarray:
        """Ratios [6, L N] or places in order [dim, L N] of each layer's kind."""
        made = _places if place.startswith("order") else _array_ratios if place == "array" else _ratios
        found = {kind: made(values, kind, place) for kind in self.kinds}
        deep = self._table.depthwise[self._distinct]
        each = np.stack([found[_KINDS[int(is_deep)]] for is_deep in deep], axis=1)
        return each.reshape(each.shape[0], -1)

    def _room(self, picks: np.ndarray) -> Room:
        values = self.choices.values(picks)
        return Room(values["units"], values["register_bytes"] * 8, values["buffer_kib"] * 8192)

    @cached_property
    def _table(self) -> TilingTable:
        return tiling_table(self.layers)

    @cached_property
    def _largest(self) -> Accelerator:
        """Where counts are made: they do not depend on sizes, and prices are put in afterwards."""
        sizes = self.sizes
        return hierarchy(
            self.technology,
            units=max(sizes.units),
            register_bits=max(sizes.register_bytes) * 8,
            buffer_bits=max(sizes.buffer_kib) * 8192,
        )

    @cached_property
    def _distinct(self) -> list[int]:
        """The first of the layers that are alike, each."""
        return sorted({self._like[index] for index in range(len(self.layers))})

    @cached_property
    def _place(self) -> np.ndarray:
        """For each layer the place of the one like it among the distinct ones."""
        return np.array([self._distinct.index(first) for first in self._like])

    @cached_property
    def _like(self) -> list[int]:
        keys: dict[tuple[object, ...], int] = {}
        return [
            keys.setdefault((layer.shape, layer.precision, layer.weights, layer.execution_rate), index)
            for index, layer in enumerate(self.layers)
        ]


def _ratios(values: Mapping[str, np.ndarray], kind: str, place: str) -> np.ndarray:
    return np.stack([values[f"{kind}.{place}.{dim}"] for dim in TILED])


def _array_ratios(values: Mapping[str, np.ndarray], kind: str, place: str) -> np.ndarray:
    """Ratios [6, N] on the array: those of the template's loops, 0 elsewhere."""
    template = values[f"{kind}.array"]
    found = np.zeros((len(TILED), len(template)))
    for number, array in enumerate(ARRAYS):
        for axis, dim in enumerate(array.unrolls):
            row = TILED.index(dim)
            found[row] = np.where(template == number, values[f"{kind}.{place}.{axis}"], found[row])
    return found


def _places(values: Mapping[str, np.ndarray], kind: str, place: str) -> np.ndarray:
    """Numbers [dim, N] that put the loops of a level in order, no two alike: ties go by the order of `DIMS`."""
    found: list[np.ndarray] = []
    for number, dim in enumerate(DIMS):
        own = values[f"{kind}.{place}.{'K' if dim == 'G' else dim}"]
        found.append(own * len(DIMS) + number)
    return np.stack(found)
