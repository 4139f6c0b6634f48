"""Counts against a walk of the nest, step by step, on small generated mappings; no formula and no tool involved.

The walk holds the tile of one instance as a set of element coordinates, and loads it whenever a loop outside it that its
elements depend on has moved. A transposed convolution's windows are not unrolled here: units side by side would each sum up
every other position, which the formulas take as neighbours.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import array_api_compat.numpy as xp
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import DEFAULT, TIMELOOP, Conventions
from netchip.hardware.cost import evaluate
from netchip.hardware.dimensions import DIMS, OPERANDS, Dim, Operand, relevant
from netchip.hardware.mapping import Loop, Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

PRECISION = Precision(weight_bits=8, input_bits=8, output_bits=8, accumulator_bits=24)
MOST_STEPS = 48
PLAIN: tuple[Dim, ...] = ("B", "G", "K", "C")


@dataclass(frozen=True)
class Nest:
    """A layer, and a mapping of it onto `tiny`: loops inner to outer with the memory each operand keeps them at."""

    layer: Layer
    mapping: Mapping


@st.composite
def nests(draw: st.DrawFn) -> Nest:
    dims = st.sampled_from(DIMS)
    count = draw(st.integers(0, 5))
    transposed = draw(st.booleans())
    chains: dict[Operand, tuple[str, ...]] = {
        "W": ("reg_w", "buffer", "dram"),
        "I": ("buffer", "dram"),
        "O": ("reg_o", "buffer", "dram"),
    }
    places = {
        o: sorted(draw(st.lists(st.integers(0, len(c) - 1), min_size=count, max_size=count))) for o, c in chains.items()
    }
    loops = tuple(
        Loop(dim=draw(dims), bound=draw(st.integers(1, 3)), at={o: chains[o][places[o][j]] for o in OPERANDS})
        for j in range(count)
    )
    units = st.sampled_from(PLAIN) if transposed else dims
    spatial = {"D1": {draw(units): float(draw(st.integers(1, 4)))}, "D2": {draw(units): float(draw(st.integers(1, 2)))}}
    mapping = Mapping(loops=loops, spatial=spatial)
    bounds = {dim: int(mapping.factor(dim)) for dim in DIMS}
    stride, dilation = draw(st.tuples(st.integers(1, 3), st.integers(1, 2)))
    return Nest(Layer("layer", _shape(bounds, stride, dilation, transposed), precision=PRECISION), mapping)


def _shape(bounds: dict[Dim, int], stride: int, dilation: int, transposed: bool) -> LayerShape:
    kernel, positions = (bounds["FY"], bounds["FX"]), (bounds["OY"], bounds["OX"])
    reach = [stride * (p - 1) + dilation * (k - 1) + 1 for p, k in zip(positions, kernel, strict=True)]
    return LayerShape.conv(
        batch=bounds["B"],
        groups=bounds["G"],
        in_channels=bounds["G"] * bounds["C"],
        out_channels=bounds["G"] * bounds["K"],
        in_size=positions if transposed else (reach[0], reach[1]),
        kernel=kernel,
        stride=(stride, stride),
        dilation=(dilation, dilation),
        transposed=transposed,
    )


Element = tuple[int, ...]


@dataclass
class Walk:
    """The walk of one operand's tile below a memory: `level` of its chain."""

    nest: Nest
    chip: Accelerator
    operand: Operand
    level: int

    @property
    def shape(self) -> LayerShape:
        return self.nest.layer.shape

    @property
    def names(self) -> list[str]:
        return [self.chip.memories[index].name for index in self.chip.chain(self.operand)]

    @property
    def inner(self) -> int:
        """Loops inside the tile."""
        if self.level == 0:
            return 0
        kept = [self.names.index(loop.at[self.operand]) for loop in self.nest.mapping.loops]
        return sum(place < self.level for place in kept)

    def digits(self, dim: Dim) -> Iterator[tuple[str, int, int]]:
        """Digits of a dimension's index, the finest first: (kind, which, base); units of a level before the loops above it."""
        for level in range(len(self.names) + 1):
            for name, factors in self.nest.mapping.spatial.items():
                if self.chip.level(self.operand, name) == level and dim in factors:
                    yield ("unit", list(self.nest.mapping.spatial).index(name), int(factors[dim]))
            for place, loop in enumerate(self.nest.mapping.loops):
                if loop.dim == dim and level < len(self.names) and loop.at[self.operand] == self.names[level]:
                    yield ("loop", place, loop.bound)

    def index(self, dim: Dim, steps: tuple[int, ...], units: tuple[dict[Dim, int], ...]) -> int:
        value, weight = 0, 1
        for kind, which, base in self.digits(dim):
            value += weight * (steps[which] if kind == "loop" else units[which][dim])
            weight *= base
        return value

    def element(self, steps: tuple[int, ...], units: tuple[dict[Dim, int], ...]) -> Element:
        """Coordinates of what one MAC uses at one step."""
        at = {dim: self.index(dim, steps, units) for dim in DIMS}
        if self.operand == "W":
            return tuple(at[dim] for dim in ("G", "K", "C", "FY", "FX"))
        channel = at["C"] if self.operand == "I" else at["K"]
        slides = (self.operand == "O") == self.shape.transposed
        stride, dilation = (self.shape.stride[0], self.shape.dilation[0]) if slides else (1, 0)
        rows = [stride * at[p] + dilation * at[k] for p, k in (("OY", "FY"), ("OX", "FX"))]
        return (at["B"], at["G"], channel, *rows)

    def unit_positions(self, levels: range) -> list[tuple[dict[Dim, int], ...]]:
        """Positions on the array dimensions that are shared at one of `levels`; the others stay at the first unit."""
        choices: list[list[dict[Dim, int]]] = []
        for name, factors in self.nest.mapping.spatial.items():
            ((dim, factor),) = factors.items()
            own = self.chip.level(self.operand, name) in levels
            choices.append([{dim: unit} for unit in range(int(factor) if own else 1)])
        return list(itertools.product(*choices))

    def tile(self, outer: tuple[int, ...], shift: tuple[dict[Dim, int], ...]) -> frozenset[Element]:
        """Elements in one instance while the loops outside stand at `outer`; `shift` picks the instance."""
        loops = self.nest.mapping.loops
        inside = itertools.product(*(range(loop.bound) for loop in loops[: self.inner]))
        elements = set()
        for steps in inside:
            for units in self.unit_positions(range(self.level)):
                both = tuple({d: u[d] + s[d] for d in u} for u, s in zip(units, shift, strict=True))
                elements.add(self.element(steps + outer, both))
        return frozenset(elements)

    def moments(self) -> Iterator[tuple[tuple[int, ...], bool]]:
        """Positions of the loops outside in the order they run, and whether the tile has to be loaded there."""
        outside = self.nest.mapping.loops[self.inner :]
        dims, last = relevant(self.operand, transposed=self.shape.transposed), None
        for reverse in itertools.product(*(range(loop.bound) for loop in outside[::-1])):
            outer = reverse[::-1]
            own = tuple(step for step, loop in zip(outer, outside, strict=True) if loop.dim in dims)
            yield outer, own != last
            last = own

    def instances(self, level: int) -> int:
        return len(self.unit_positions(range(level, len(self.names) + 1)))

    def loaded(self, *, every_step: bool) -> tuple[int, int]:
        """Elements that one instance loads, and how many of them it has held before."""
        none = self.unit_positions(range(0))[0]
        seen: set[Element] = set()
        total = again = 0
        for outer, load in self.moments():
            if load or every_step:
                tile = self.tile(outer, none)
                total, again = total + len(tile), again + len(tile & seen)
                seen |= tile
        return total, again

    def children(self) -> int:
        """Different tiles that one instance above sends at once."""
        dims = relevant(self.operand, transposed=self.shape.transposed)
        units = self.unit_positions(range(self.level, self.level + 1))
        return len({tuple(at for unit in each for dim, at in unit.items() if dim in dims) for each in units})


def expected(nest: Nest, chip: Accelerator, conventions: Conventions) -> dict[tuple[str, Operand, str], int]:
    """Elements of every move, of all instances."""
    counts: dict[tuple[str, Operand, str], int] = {}
    for operand in OPERANDS:
        names = Walk(nest, chip, operand, 0).names
        for level, name in enumerate(names):
            below = Walk(nest, chip, operand, level)
            at_mac = level == 0 and (operand == "O" or not conventions.mac_holds_operands)
            total, again = below.loaded(every_step=at_mac)
            sent = below.children() * below.instances(level + 1)
            if operand == "O":
                counts[name, "O", "update"], counts[name, "O", "read"] = total * sent, again * sent
            else:
                counts[name, operand, "read"] = total * sent
            if level + 1 < len(names):
                own = Walk(nest, chip, operand, level + 1)
                total, again = own.loaded(every_step=False)
                units = own.instances(level + 1)
                if operand == "O":
                    counts[name, "O", "drain"], counts[name, "O", "fill"] = total * units, again * units
                else:
                    counts[name, operand, "fill"] = total * units
    return counts


def steps_of(nest: Nest) -> int:
    product = 1
    for loop in nest.mapping.loops:
        product *= loop.bound
    return product


@settings(max_examples=120, deadline=None)
@given(
    nests(),
    st.sampled_from(
        [TIMELOOP.changed(window_slides=False, input_extent="touched"), DEFAULT.changed(windows_shared=False)]
    ),
)
def test_every_move_of_every_memory(roomy: Accelerator, nest: Nest, conventions: Conventions) -> None:
    assume(steps_of(nest) <= MOST_STEPS)
    batch = MappingBatch.of([nest.mapping], roomy)
    costs = evaluate([nest.layer], roomy, batch, conventions=conventions, xp=xp).row(0)
    walked = expected(nest, roomy, conventions)
    assert {tuple(action): round(count, 9) for action, count in costs.elements.items()} == walked


@settings(max_examples=100, deadline=None)
@given(nests())
def test_room_that_tiles_take(roomy: Accelerator, nest: Nest) -> None:
    """The set of elements in one instance, each of its bits; outputs of their sum's bits while any term is still to come."""
    batch = MappingBatch.of([nest.mapping], roomy)
    costs = evaluate([nest.layer], roomy, batch, xp=xp).row(0)
    for operand, bits in (("W", 8), ("I", 8)):
        for level, name in enumerate(Walk(nest, roomy, operand, 0).names):
            walk = Walk(nest, roomy, operand, level + 1)
            none = walk.unit_positions(range(0))[0]
            outer = (0,) * (len(nest.mapping.loops) - walk.inner)
            assert costs.held_bits[name, operand] == bits * len(walk.tile(outer, none))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(2, 5), st.integers(1, 3), st.sampled_from(["OY", "FY"]))
def test_a_sliding_window_loads_the_new_rows_only(
    roomy: Accelerator, p: int, r: int, steps: int, stride: int, dim: Dim
) -> None:
    """One loop over rows or kernel rows outside the buffer: bounding boxes of rows, each less what the one before held."""
    at = {"W": "dram", "I": "dram", "O": "dram"}
    inside = {"W": "buffer", "I": "buffer", "O": "buffer"}
    loops = [Loop(dim="OY", bound=p, at=inside), Loop(dim="FY", bound=r, at=inside), Loop(dim=dim, bound=steps, at=at)]
    mapping = Mapping(loops=tuple(loops))
    bounds = {each: int(mapping.factor(each)) for each in DIMS}
    layer = Layer("layer", _shape(bounds, stride, 1, transposed=False))
    elements = evaluate([layer], roomy, MappingBatch.of([mapping], roomy), conventions=TIMELOOP, xp=xp).row(0).elements
    move = stride * p if dim == "OY" else r
    boxes = [set(range(step * move, step * move + stride * (p - 1) + r)) for step in range(steps)]
    new = len(boxes[0]) + sum(len(box - before) for before, box in itertools.pairwise(boxes))
    assert elements["buffer", "I", "fill"] == pytest.approx(new)
