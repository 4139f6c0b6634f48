"""The multiply-accumulates of a cut network from the widths of its groups alone, for thousands of candidates at once.

Every loop bound of a layer is a whole number of positions that falls by a fixed number with each unit that goes (a
concatenation falls with several groups), so a layer's MACs are a product of such sums. The sums of weights are known
from the coupling; those of activations (a linear layer over tokens, whose positions are the channels) are measured.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from netchip.errors import GraphError, NetchipWarning
from netchip.graph.exporting import Example, isolated_copy
from netchip.graph.groups import ChannelGroup, Coupling, Member
from netchip.graph.surgery import cut, plan
from netchip.graph.to_workload import to_workload
from netchip.graph.tracing import tensors_of
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

Integers = NDArray[np.int64]

_BOUNDS = ("B", "G", "K", "C", "OY", "OX", "FY", "FX")
_BOUND_OF_AXIS = {"out": _BOUNDS.index("K"), "in": _BOUNDS.index("C"), "channels": _BOUNDS.index("G")}
_BLOCK = 4096  # candidates at a time, so that what lies between stays in the cache
_NAMED = 8
_MOST = 2**63 - 1


@dataclass(frozen=True, eq=False, kw_only=True)
class WidthMacs:
    """MACs of one image, by the units that each group of `groups` keeps; made by `width_macs`.

    A size is `fixed` [sizes] + `rates` [sizes, groups] x widths [groups]; MACs are the sum over `terms` of a coefficient
    times the sizes it names. All are whole numbers and none is negative, so MACs never fall when a width grows.
    """

    groups: tuple[str, ...]
    units: Integers
    dense: int
    fixed: Integers
    rates: Integers
    terms: tuple[tuple[int, tuple[int, ...]], ...]

    def macs(self, widths: ArrayLike) -> int | Integers:
        """MACs an image where group g keeps `widths[g]` units: an int for [groups], [N] for [N, groups] candidates.

        Exactly those that `to_workload` counts after a cut with any masks of these widths. Raises `GraphError` for
        another shape, for what is no whole number, and for a width below 1 or above the group's units.
        """
        given = np.asarray(widths)
        self._check(given)
        if given.ndim == 1:
            return int(self._block(given[None])[0])
        blocks = [self._block(given[start : start + _BLOCK]) for start in range(0, len(given), _BLOCK)]
        return np.concatenate([np.zeros(0, np.int64), *blocks])

    def smallest(self, least_widths: ArrayLike = 1) -> int:
        """MACs an image where every group keeps its `least_widths` [groups], or that one number: the least reachable."""
        least = np.asarray(least_widths)
        return int(self.macs(np.full(self.units.shape, least) if least.ndim == 0 else least))

    def _block(self, widths: NDArray[np.integer]) -> Integers:
        """[N] for [N, groups]; sizes are far below 2^53, so that float64, which multiplies faster, is exact."""
        sizes = (self.fixed[:, None] + self.rates @ widths.T.astype(np.float64)).astype(np.int64)
        total = np.zeros(len(widths), np.int64)
        for coefficient, factors in self.terms:
            product = np.full(len(widths), coefficient, np.int64)
            for factor in factors:
                product *= sizes[factor]
            total += product
        return total

    def _check(self, widths: NDArray[Any]) -> None:
        groups = len(self.groups)
        if widths.ndim not in (1, 2) or widths.shape[-1] != groups:
            raise GraphError(
                f"widths are of shape {widths.shape}; give [{groups}] or [candidates, {groups}], the units that each of the "
                f"{groups} groups keeps"
            )
        if not np.issubdtype(widths.dtype, np.integer) and widths.size:
            raise GraphError(f"widths are {widths.dtype}; give whole numbers, the units that each group keeps")
        wrong = (widths < 1) | (widths > self.units)
        if wrong.any():
            place = tuple(np.argwhere(wrong)[0])
            raise GraphError(
                f"{self.groups[place[-1]]}: a width of {widths[place]} was asked, but the group has {self.units[place[-1]]} "
                f"units; keep 1 to {self.units[place[-1]]} of them"
            )


def width_macs(model: nn.Module, example: Example, coupling: Coupling) -> WidthMacs:
    """The MACs of every cut of `model` along `coupling`, on one item of `example`, whose tensors are batch first.

    The formula is held against the real thing once: a copy of the model, cut at random widths that narrow every group,
    is captured and counted layer by layer, which costs as much as `to_workload`. Layers that differ, since a size of an
    activation follows a group, are measured group by group. `model` is not touched.

    Raises `GraphError` that names the layers for which no such formula holds, and what `to_workload` and `cut` raise.

        macs = width_macs(model, torch.randn(1, 3, 224, 224), coupling)
        macs.macs([group.units // 2 for group in coupling.groups]) / macs.dense
    """
    layers = to_workload(model, example).layers
    dependence = _Dependence(layers, coupling.groups)
    cuts = _Cuts(model, example, coupling, [layer.name for layer in layers])
    if different := _different(dependence, cuts):
        _Measurement(dependence, cuts, different).search(range(len(coupling.groups)))
        _refuse([layers[row].name for row in _different(dependence, cuts)])
    return _compiled(layers, dependence, coupling.groups, _batch(layers, example))


class _Dependence:
    """`sizes` [layers, 8] of the loop bounds, and `rates` [layers, 8, groups]: what each unit takes from each bound."""

    def __init__(self, layers: Sequence[Layer], groups: Sequence[ChannelGroup]) -> None:
        self.sizes = np.array([_bounds(layer.shape) for layer in layers], np.int64).reshape(-1, len(_BOUNDS))
        self.rates = np.zeros((*self.sizes.shape, len(groups)), np.int64)
        rows: dict[str, list[int]] = {}
        for row, layer in enumerate(layers):
            rows.setdefault(layer.name.partition("#")[0], []).append(row)
        for number, group in enumerate(groups):
            for member in _cut_members(group):
                for row in rows.get(member.module, ()):
                    split = 1 if member.axis == "channels" else layers[row].shape.groups
                    self.rates[row, _BOUND_OF_AXIS[member.axis], number] = member.index.shape[1] // split

    def macs(self, removed: Integers) -> list[int]:
        """MACs of each layer when `removed` [groups] units are gone."""
        return [math.prod(row) for row in (self.sizes - self.rates @ removed).tolist()]


class _Cuts:
    """Copies of the model, cut at random and captured."""

    def __init__(self, model: nn.Module, example: Example, coupling: Coupling, names: list[str]) -> None:
        self._model, self._example, self._coupling, self._names = model, example, coupling, names
        self._random = np.random.default_rng(0)

    def removed(self, numbers: Sequence[int]) -> Integers:
        """How many units [groups] to remove: of every group in `numbers` at least one, where it can lose any."""
        removed = np.zeros(len(self._coupling.groups), np.int64)
        for number in numbers:
            units = self._coupling.groups[number].units
            removed[number] = self._random.integers(1, units) if units > 1 else 0
        return removed

    def sizes(self, removed: Integers) -> Integers:
        """The loop bounds [layers, 8] of a copy that has lost `removed` [groups] units, drawn at random."""
        copied = isolated_copy(self._model)
        keep = {
            group.name: self._random.permutation(group.units) >= gone
            for group, gone in zip(self._coupling.groups, removed, strict=True)
        }
        cut(copied, plan(self._coupling, keep), check=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NetchipWarning)  # what is not counted was said of the whole model
            found = to_workload(copied, self._example).layers
        self._check_names([layer.name for layer in found])
        return np.array([_bounds(layer.shape) for layer in found], np.int64).reshape(-1, len(_BOUNDS))

    def _check_names(self, found: list[str]) -> None:
        if found != self._names:
            changed = sorted(set(found) ^ set(self._names)) or found
            raise GraphError(
                f"the cut network runs other layers than the whole one ({_listed(changed)}), so that its MACs do not "
                "follow from widths; count each cut with to_workload"
            )


class _Measurement:
    """What each unit takes from the bounds of some layers (`rows`), found by cutting groups apart from each other."""

    def __init__(self, dependence: _Dependence, cuts: _Cuts, rows: Sequence[int]) -> None:
        self._dependence, self._cuts, self._rows = dependence, cuts, rows
        dependence.rates[rows] = 0

    def search(self, numbers: Sequence[int]) -> None:
        """Halves the groups `numbers` until those that change the layers stand alone."""
        removed = self._cuts.removed(numbers)
        lost = self._dependence.sizes[self._rows] - self._cuts.sizes(removed)[self._rows]
        if not lost.any():
            return
        if len(numbers) == 1:
            gone = removed[numbers[0]]
            whole = (lost >= 0) & (lost % gone == 0)
            self._dependence.rates[self._rows, :, numbers[0]] = np.where(whole, lost // gone, 0)
            return
        middle = len(numbers) // 2
        self.search(numbers[:middle])
        self.search(numbers[middle:])


def _bounds(shape: LayerShape) -> list[int]:
    bounds = shape.loop_bounds
    return [bounds[name] for name in _BOUNDS]


def _cut_members(group: ChannelGroup) -> list[Member]:
    """The members that lose positions; of a group that selects its input only the reader, as the stream stays whole."""
    return [member for member in group.members if member.axis == "in" or not group.selects]


def _different(dependence: _Dependence, cuts: _Cuts) -> list[int]:
    """The layers whose MACs in a really cut network are not those of the formula, by their number."""
    groups = range(dependence.rates.shape[2])
    if not groups:
        return []
    removed = cuts.removed(groups)
    found = [math.prod(row) for row in cuts.sizes(removed).tolist()]
    return [row for row, expected in enumerate(dependence.macs(removed)) if expected != found[row]]


def _refuse(names: list[str]) -> None:
    if names:
        raise GraphError(
            f"the MACs of {_listed(names)} do not follow from widths: in a cut network they are not a product of sizes "
            "that each fall by the same number with every unit; leave the groups that reach them whole, or count each "
            "cut with to_workload"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _batch(layers: Sequence[Layer], example: Example) -> int:
    """The items in `example`: the first size of its first tensor, but 1 where the first layer reads that as channels."""
    first = next((tensor for tensor in tensors_of(example) if tensor.ndim), None)
    if first is None or not layers:
        return 1
    shape = layers[0].shape
    unbatched = shape.batch == 1 and shape.total_in_channels == first.shape[0]
    return 1 if unbatched else int(first.shape[0])


def _compiled(
    layers: Sequence[Layer], dependence: _Dependence, groups: Sequence[ChannelGroup], batch: int
) -> WidthMacs:
    """The layers as coefficients and the sizes they are multiplied with, equal sizes and equal products once."""
    units = np.array([group.units for group in groups], np.int64)
    known: dict[tuple[int, ...], int] = {}
    terms: dict[tuple[int, ...], int] = {}
    for layer, sizes, rates in zip(layers, dependence.sizes, dependence.rates, strict=True):
        coefficient, factors = _term(sizes, rates, units)
        places = tuple(sorted(known.setdefault(factor, len(known)) for factor in factors))
        terms[places] = terms.get(places, 0) + _shared_out(coefficient, batch, layer)
    table = np.array(list(known), np.int64).reshape(-1, len(groups) + 1)
    return WidthMacs(
        groups=tuple(group.name for group in groups),
        units=units,
        dense=_checked_total(sum(layer.shape.macs for layer in layers) // batch),
        fixed=table[:, 0],
        rates=table[:, 1:],
        terms=tuple((coefficient, places) for places, coefficient in terms.items()),
    )


def _term(sizes: Integers, rates: Integers, units: Integers) -> tuple[int, list[tuple[int, ...]]]:
    """A layer's coefficient, and (what is always there, positions of a unit of each group) of each bound that varies.

    What all of a bound's numbers can be divided by goes to the coefficient, so that the channels of a map and the same
    channels flattened, 49 positions each, are one size.
    """
    coefficient, factors = 1, []
    for size, own in zip(sizes, rates, strict=True):
        if not own.any():
            coefficient *= int(size)
            continue
        numbers = np.array([size - own @ units, *own])
        divisor = int(np.gcd.reduce(numbers))
        coefficient *= divisor
        factors.append(tuple((numbers // divisor).tolist()))
    return coefficient, factors


def _shared_out(coefficient: int, batch: int, layer: Layer) -> int:
    if coefficient % batch:
        raise GraphError(
            f"{layer.name}: its {layer.shape.macs} multiply-accumulates are not alike for each of the {batch} items of the "
            "example; give an example of one item"
        )
    return coefficient // batch


def _checked_total(macs: int) -> int:
    if macs > _MOST:
        raise GraphError(f"the network has {macs} MACs, more than a 64-bit number holds; give a smaller example")
    return macs
