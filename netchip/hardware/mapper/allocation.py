"""Greedy allocation: which loops each memory keeps, filled from the inside as far as its room allows, operand by operand.

The sizes are those `evaluate` uses: its own tiles, its own widths of sums that are finished or not.
"""

from dataclasses import dataclass

import array_api_compat.numpy
import numpy as np

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import Conventions
from netchip.hardware.counting.arithmetic import Arithmetic, Number, product
from netchip.hardware.counting.columns import columns_of
from netchip.hardware.counting.flows import Widths
from netchip.hardware.counting.nest import WINDOW, Extent
from netchip.hardware.counting.spread import Spread, are_whole, factors_of, spread, whole
from netchip.hardware.counting.tiles import Tiler
from netchip.hardware.dimensions import DIMS, OPERANDS, Dim, Operand, relevant
from netchip.workload.layer import Layer

TURNS: np.ndarray = np.array([(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
"""The orders in which operands (indices into `OPERANDS`) are given room in a memory they share."""


_MORE = 1 + 1e-5
"""Slack between counts that are equal or multiples, as in `counting.levels`."""


@dataclass(frozen=True, eq=False)
class Wishes:
    """Who is given room first, for N mappings: `turn` [N], index into `TURNS`; `share` [N], the part of the room, up to 1,
    that the first operand may take of a memory it shares.
    """

    turn: np.ndarray
    share: np.ndarray


class Allocation:
    """Allocates loops of one layer on one accelerator, for batches that share no loop but the layer."""

    def __init__(self, layer: Layer, accelerator: Accelerator, conventions: Conventions) -> None:
        self._accelerator, self._conventions = accelerator, conventions
        self._transposed = layer.shape.transposed
        self._arithmetic = Arithmetic(array_api_compat.numpy, np.ones(1, dtype=np.float32))
        self._columns = columns_of([layer], np.zeros(1, dtype=np.int64), [0.0], like=self._arithmetic.like, xp=np)
        self._widths = Widths(accelerator, self._columns, self._arithmetic)
        self._tiler = Tiler(self._arithmetic, self._columns, conventions, rounds=False)
        self._shared: tuple[np.ndarray, dict[Operand, Spread]] | None = None
        self._chains = [accelerator.chain(operand) for operand in OPERANDS]
        self._chooses = [
            any(index in chain[:-1] for chain in self._chains) for index in range(len(accelerator.memories))
        ]

    def cuts(self, dim: np.ndarray, bound: np.ndarray, spatial: np.ndarray, wishes: Wishes) -> np.ndarray:
        """The cuts [operand, memory, N] of loops `dim` and `bound` [J, N], inner to outer, unrolled by `spatial`.

        A memory that nothing shares keeps as many loops as fit. Where several operands share one they take turns; each leaves
        the later ones the tiles they have below. What cannot fit whatever the order is left to `evaluate` to refuse.
        """
        loops, size = bound.shape
        bits = self._bits(dim, bound, spatial)
        most = self._most_alone(bits, loops, size)
        longest = max(map(len, self._chains))
        cut = np.full((len(OPERANDS), longest, size), loops, dtype=np.int64)
        below = np.zeros((len(OPERANDS), size), dtype=np.int64)
        for index, memory in enumerate(self._accelerator.memories):
            rows = [row for row, chain in enumerate(self._chains) if index in chain[:-1]]
            holders = [row for row, chain in enumerate(self._chains) if index in chain]
            if not rows:
                continue
            below[[row for row in holders if row not in rows]] = loops  # all of the operand lies here
            if memory.bits is not None and len(holders) > 1:
                room = _Room(memory.bits, [bits[row, index] for row in holders], holders)
                found = room.shared(below, [most[row, index] for row in holders], wishes)
            else:
                found = {row: most[row, index] for row in holders}
            for row in rows:
                below[row] = np.maximum(found[row], below[row])
                cut[row, self._chains[row].index(index)] = below[row]
        return cut

    def _most_alone(
        self, bits: dict[tuple[int, int], np.ndarray], loops: int, size: int
    ) -> dict[tuple[int, int], np.ndarray]:
        """For each operand and memory the most loops it can keep alone, no more than the memories above can."""
        found: dict[tuple[int, int], np.ndarray] = {}
        for row, chain in enumerate(self._chains):
            most = np.full(size, loops, dtype=np.int64)
            for index in reversed(chain):
                capacity = self._accelerator.memories[index].bits
                if capacity is not None and index != chain[-1]:
                    most = np.minimum(most, _last(bits[row, index] <= capacity))
                found[row, index] = most
        return found

    def _bits(self, dim: np.ndarray, bound: np.ndarray, spatial: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
        """For each operand and memory the bits [J + 1, N] of a tile that keeps the j inner loops."""
        spreads = self._spreads(spatial)
        found: dict[tuple[int, int], np.ndarray] = {}
        shape = (bound.shape[0] + 1, bound.shape[1])
        for row, operand in enumerate(OPERANDS):
            reach = self._reach(operand, dim, bound)
            loads = self._loads(dim, bound) if operand == "O" else None
            for place, index in enumerate(self._chains[row]):
                memory = self._accelerator.memories[index]
                if memory.bits is None or not self._chooses[index]:
                    continue
                tile = np.broadcast_to(self._tiler.elements(reach, spreads[operand].below[place + 1]), shape)
                unfinished = False
                if loads is not None and place < len(self._chains[row]) - 1:
                    firsts = tile[-1] / tile
                    unfinished = (loads > firsts * _MORE) | _open_across(spreads[operand], place + 1)
                each = product((self._widths.of(operand, index, unfinished), 2.0 if memory.double_buffered else 1.0))
                found[row, index] = tile * each
        return found

    def _spreads(self, spatial: np.ndarray) -> dict[Operand, Spread]:
        """What each operand sees of the unrolling in whole units; of one for all only the first time."""
        if spatial.shape[-1] == 1 and self._shared is not None and np.array_equal(self._shared[0], spatial):
            return self._shared[1]
        factors = factors_of(spatial)
        if not are_whole(factors, self._arithmetic):
            factors = whole(factors, self._conventions.uneven_unrolling, self._arithmetic)
        spreads = spread(self._accelerator, factors, transposed=self._transposed)
        if spatial.shape[-1] == 1:
            self._shared = spatial, spreads
        return spreads

    def _reach(self, operand: Operand, dim: np.ndarray, bound: np.ndarray) -> Extent:
        """How far the j inner loops reach, for j = 0 .. J: arrays [J + 1, N]."""
        dims = relevant(operand, transposed=self._transposed)
        if operand != ("O" if self._transposed else "I"):
            return Extent(_prefix(dim, bound, dims))
        plain: tuple[Dim, ...] = tuple(each for each in dims if each not in WINDOW)
        oy, fy, ox, fx = (_prefix(dim, bound, (each,)) for each in WINDOW)
        return Extent(_prefix(dim, bound, plain), ((oy, fy), (ox, fx)))

    def _loads(self, dim: np.ndarray, bound: np.ndarray) -> np.ndarray:
        """For j = 0 .. J how often a tile of outputs that keeps the j inner loops is brought in: [J + 1, N].

        Loops directly above it that use the same outputs do not count. More loads than there are tiles: sums are unfinished.
        """
        changes = _among(dim, relevant("O", transposed=self._transposed)) & (bound > 1)
        found = np.ones((len(bound) + 1, bound.shape[1]), dtype=bound.dtype)
        steps = found[-1]
        for place in reversed(range(len(bound))):
            steps = steps * bound[place]
            found[place] = np.where(changes[place], steps, found[place + 1])
        return found


@dataclass(frozen=True, eq=False)
class _Room:
    """One memory that operands `rows` share: its `capacity` in bits, the `bits` of their tiles [J + 1, N] each."""

    capacity: int
    bits: list[np.ndarray]
    rows: list[int]

    def shared(self, below: np.ndarray, most: list[np.ndarray], wishes: Wishes) -> dict[int, np.ndarray]:
        """Loops that each operand keeps, by its row."""
        size = int(below.shape[1])
        table = np.stack(self.bits)
        each = np.arange(size)
        keeps = below[self.rows]
        limit = np.maximum(np.stack(most), keeps)
        used = table[np.arange(len(self.rows))[:, None], keeps, each]
        for step, who in enumerate(self._turns(wishes.turn)):
            room = self.capacity - (used.sum(0) - used[who, each])
            if step == 0:
                room = room * wishes.share
            fits = room >= table[who, :, each].T
            found = np.clip(_last(fits), keeps[who, each], limit[who, each])
            keeps[who, each] = found
            used[who, each] = table[who, found, each]
        return dict(zip(self.rows, keeps, strict=True))

    def _turns(self, turn: np.ndarray) -> np.ndarray:
        """The places in `rows` that take turns: [turns, N]."""
        orders = np.array([[self.rows.index(row) for row in order if row in self.rows] for order in TURNS])
        return orders[turn].T


def _last(fits: np.ndarray) -> np.ndarray:
    """The last place [N] that fits, or 0; there are less than 127 places."""
    places = np.arange(len(fits), dtype=np.int8)[:, None]
    return (fits * places).max(0).astype(np.int64)


def _open_across(across: Spread, place: int) -> Number:
    """Whether terms of a sum are spread over units above level `place`."""
    above = range(place + 1, len(across.across))
    all_units = product(across.across[level] for level in above)
    return all_units > product(across.reached[level] for level in above) * _MORE


def _among(dim: np.ndarray, dims: tuple[Dim, ...]) -> np.ndarray:
    """Where a loop runs over one of `dims`; comparing small numbers is quicker than looking them up."""
    found = dim == DIMS.index(dims[0])
    for each in dims[1:]:
        found |= dim == DIMS.index(each)
    return found


def _prefix(dim: np.ndarray, bound: np.ndarray, dims: tuple[Dim, ...]) -> Number:
    """For j = 0 .. J the product of the j inner bounds over one of `dims`; 1 where no loop runs over them."""
    among = _among(dim, dims)
    if not among.any():
        return 1.0
    own = np.where(among, bound, bound.dtype.type(1))
    found = np.empty((len(bound) + 1, bound.shape[1]), dtype=bound.dtype)
    found[0] = 1
    for place in range(len(bound)):
        np.multiply(found[place], own[place], out=found[place + 1])
    return found
