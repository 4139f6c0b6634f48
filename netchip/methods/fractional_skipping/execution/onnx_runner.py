"""Runs exported pieces in ONNX Runtime: one input by branches, a batch by groups of those that took the same option."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from netchip.errors import ConfigError, DivergedError
from netchip.graph.onnx_extra import session
from netchip.methods.fractional_skipping.execution.spent import Spent
from netchip.methods.fractional_skipping.export.block_structure import X
from netchip.methods.fractional_skipping.export.frame import INPUT
from netchip.methods.fractional_skipping.export.pieces import Pieces
from netchip.methods.fractional_skipping.export.whole import branching_model


class Ran(NamedTuple):
    """Outputs [B, ...] and the options that ran [B, L]."""

    outputs: np.ndarray
    routes: np.ndarray


class OnnxRunner:
    """Runs `pieces` on the CPU on so many threads; only what was decided is computed.

    A single input runs in one branching model, unless `branching` is False; sums are added in another order there, so that a value
    on the border of two levels of few bits may fall to either. In a batch, groups of fewer than `min_group` samples
    run under the next higher option that another group takes.
    """

    def __init__(self, pieces: Pieces, *, threads: int = 1, min_group: int = 1, branching: bool = True) -> None:
        self.pieces, self.threads, self.min_group = pieces, threads, min_group
        self._sessions = {name: _Piece(model, threads) for name, model in pieces.models.items()}
        self._single = session(branching_model(pieces), threads) if branching else None
        self._read_later = [_read_later(pieces, index) for index in range(len(pieces.blocks))]

    def __call__(self, images: Any, routes: Any = None, spent: Spent | None = None) -> Ran:
        """Outputs and routes of `images` [B, ...], float32; `routes` [B, L] or [L] of option indices replace decisions.

        `spent` takes in where the time went. Raises `DivergedError` that names the block whose gate gave NaN (in a batch).
        """
        given = np.ascontiguousarray(images, dtype=np.float32)
        if given.shape[1:] != self.pieces.input_shape:
            raise ConfigError(
                f"images of shape {given.shape}: this network was exported for {('B', *self.pieces.input_shape)}"
            )
        if len(given) == 1 and routes is None and spent is None and self._single is not None:
            return Ran(*self._single.run(None, {INPUT: given}))
        return self._run(given, None if routes is None else self._checked(routes, len(given)), spent or Spent())

    def _run(self, images: np.ndarray, forced: np.ndarray | None, spent: Spent) -> Ran:
        values = {INPUT: images}
        chosen = np.empty((len(images), len(self.pieces.blocks)), dtype=np.int64)
        began = time.perf_counter()
        for index in range(len(self.pieces.blocks)):
            self._piece(f"before.{index}", values)
            decided = time.perf_counter()
            chosen[:, index] = self._decided(index, values, chosen) if forced is None else forced[:, index]
            spent.deciding_s += time.perf_counter() - decided
            self._through(index, values, chosen[:, index], spent)
        self._piece("head", values)
        spent.computing_s += time.perf_counter() - began - spent.routing_s
        return Ran(values["output"], chosen)

    def _piece(self, name: str, values: dict[str, np.ndarray]) -> None:
        piece = self._sessions.get(name)
        if piece is not None:
            piece.run(values)

    def _decided(self, index: int, values: dict[str, np.ndarray], chosen: np.ndarray) -> np.ndarray:
        """[B]: the option of every sample at a block."""
        if self.pieces.upfront and index:
            return chosen[:, index]
        self._piece(f"gate.{index}", values)
        logits = values["plan"] if self.pieces.upfront else values[f"logits.{index}"]
        if np.isnan(logits).any():
            raise DivergedError(
                f"the gate of block {self.pieces.blocks[index]!r} gave NaN, so no option can be chosen there"
            )
        if not self.pieces.upfront:
            return (logits + self.pieces.bias[index]).argmax(1)
        chosen[:] = (logits + self.pieces.bias).argmax(2)
        return chosen[:, 0]

    def _through(self, index: int, values: dict[str, np.ndarray], chosen: np.ndarray, spent: Spent) -> None:
        """The block on every sample under its own option; `chosen` says afterwards what ran."""
        began = time.perf_counter()
        x = values[self.pieces.entering[index]]
        groups = _groups(chosen, self.min_group)
        moved = time.perf_counter() - began
        if len(groups) == 1:
            values[f"leave.{index}"] = self._block(index, groups[0][0], x)
        else:
            values[f"leave.{index}"], gathering = self._grouped(index, groups, x)
            moved += gathering
        spent.moving_s += moved

    def _grouped(self, index: int, groups: Sequence[tuple[int, np.ndarray]], x: np.ndarray) -> tuple[np.ndarray, float]:
        """One pass a group, written back; and the seconds that moving took. Samples that skip stay where they are."""
        began, computing = time.perf_counter(), 0.0
        result: np.ndarray | None = None
        stay = [members for option, members in groups if self._stays(index, option)]
        if stay:
            result = x.copy() if self._read_later[index] else x
        for option, members in groups:
            if self._stays(index, option):
                continue
            part = x.take(members, axis=0)
            ran = time.perf_counter()
            part = self._block(index, option, part)
            computing += time.perf_counter() - ran
            if result is None:
                in_place = part.shape[1:] == x.shape[1:] and not self._read_later[index]
                result = x if in_place else np.empty((len(x), *part.shape[1:]), part.dtype)
            result[members] = part
        return x if result is None else result, time.perf_counter() - began - computing

    def _stays(self, index: int, option: int) -> bool:
        return f"block.{index}.{self.pieces.options.names[option]}" not in self._sessions

    def _block(self, index: int, option: int, x: np.ndarray) -> np.ndarray:
        piece = self._sessions.get(f"block.{index}.{self.pieces.options.names[option]}")
        return x if piece is None else piece.session.run(None, {X: x})[0]

    def _checked(self, routes: Any, batch: int) -> np.ndarray:
        found = np.atleast_2d(np.asarray(routes, dtype=np.int64))
        blocks, options = len(self.pieces.blocks), len(self.pieces.options)
        if found.shape not in ((batch, blocks), (1, blocks)) or found.min() < 0 or found.max() >= options:
            raise ConfigError(
                f"routes of shape {found.shape}: give option indices from 0 to {options - 1}, [{batch}, {blocks}] or [{blocks}]"
            )
        closed = ~np.isfinite(self.pieces.bias[np.arange(blocks), found]).all(0)
        if closed.any():
            raise ConfigError(
                f"block {self.pieces.blocks[int(closed.argmax())]!r} cannot take an option of these routes"
            )
        return np.broadcast_to(found, (batch, blocks)).copy()


@dataclass
class _Piece:
    """A session, made when it is first used, and the values it reads and writes."""

    model: Any
    threads: int
    made: Any = None
    reads: tuple[str, ...] = field(init=False)
    writes: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.reads = tuple(each.name for each in self.model.graph.input)
        self.writes = tuple(each.name for each in self.model.graph.output)

    @property
    def session(self) -> Any:
        if self.made is None:
            self.made = session(self.model, self.threads)
        return self.made

    def run(self, values: dict[str, np.ndarray]) -> None:
        """Takes its inputs from `values` and puts its outputs there."""
        found = self.session.run(None, {name: values[name] for name in self.reads})
        values.update(zip(self.writes, found, strict=True))


def _read_later(pieces: Pieces, index: int) -> bool:
    """Whether what enters a block is read again after it, so that it must not be written to."""
    name = pieces.entering[index]
    if name == INPUT:
        return True
    later = [f"{kind}.{place}" for kind in ("before", "gate") for place in range(index + 1, len(pieces.blocks))]
    names = [*later, "head"]
    return any(
        each.name == name for piece in names if piece in pieces.models for each in pieces.models[piece].graph.input
    )


def _groups(chosen: np.ndarray, least: int) -> list[tuple[int, np.ndarray]]:
    """Options that were taken, cheapest first, with their samples; small groups join the next higher, and `chosen` says so."""
    counts = np.bincount(chosen)
    taken = np.flatnonzero(counts)
    if len(taken) == 1:
        return [(int(taken[0]), np.arange(len(chosen)))]
    if least > 1:
        _raise_small(chosen, counts, taken, min(least, len(chosen)))
        counts = np.bincount(chosen)
        taken = np.flatnonzero(counts)
    order = chosen.argsort(kind="stable")
    ends = counts[taken].cumsum()
    return [(int(option), order[end - counts[option] : end]) for option, end in zip(taken, ends, strict=True)]


def _raise_small(chosen: np.ndarray, counts: np.ndarray, taken: np.ndarray, least: int) -> None:
    waiting: list[int] = []
    held = 0
    for option in taken:
        waiting.append(int(option))
        held += counts[option]
        if held >= least:
            chosen[np.isin(chosen, waiting)] = option
            waiting, held = [], 0
    if waiting:
        chosen[np.isin(chosen, waiting)] = taken[-1]
