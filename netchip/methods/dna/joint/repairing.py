"""The best network by scores whose loads keep a limit: swaps that cost the least score until it fits, then all that still gain.

Under a given design loads add up over positions, so that a swap is one subtraction and one addition; thousands are looked at a
time. Greedy with pairs of swaps: not proven to be the best, but never worse than any network one or two swaps away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from netchip.methods.dna.supernet.loads import LoadTable

Places = tuple[tuple[int, int], ...]
_ROUNDS = 200
_GAIN = 1e-9
_BONUSES = tuple(0.5 * 1.7**step for step in range(14))
_PRICES = tuple(0.1 * 1.3**step for step in range(60))


@dataclass(frozen=True, eq=False)
class Scored:
    """What a network is judged by: `scores[place]` [options, bits], added up; more is better.

    `skips[place]` [options] says which options go past; at most `most_skips` positions may.
    """

    scores: tuple[np.ndarray, ...]
    skips: tuple[np.ndarray, ...]
    most_skips: int

    def of(self, places: Places) -> float:
        """The score of a network."""
        return float(sum(score[place] for score, place in zip(self.scores, places, strict=True)))

    def best(self) -> Places:
        """The network of the highest score that keeps the limit on skips."""
        found: list[tuple[int, int]] = []
        losses: list[float] = []
        others: list[tuple[int, int]] = []
        for score, skip in zip(self.scores, self.skips, strict=True):
            found.append(_argmax(score))
            kept = np.where(skip[:, None], -np.inf, score)
            others.append(_argmax(kept))
            losses.append(float(score[found[-1]] - kept[others[-1]]) if skip[found[-1][0]] else np.inf)
        skipping = [place for place in np.argsort(losses, kind="stable") if np.isfinite(losses[place])]
        for place in skipping[: max(0, len(skipping) - self.most_skips)]:
            found[place] = others[place]
        return tuple(found)


def repaired(scored: Scored, table: LoadTable, cost: Callable[[torch.Tensor], torch.Tensor], limit: float) -> Places:
    """A network whose cost is at most `limit`, of a high score; where the swaps lead to none, the cheapest they lead to.

    `cost` makes of loads [..., C] a cost [...] (`Platform.combine`).
    """
    swaps = _Swaps(scored, table, cost)
    starts = (_descended(swaps, scored, limit), _priced(swaps, scored, table, limit))
    within = [start for start in starts if swaps.cost_of(start) <= limit]
    ends = [_improved(swaps, start, limit) for start in within]
    return max(ends, key=scored.of) if ends else min(starts, key=swaps.cost_of)


def filled(
    scored: Scored, table: LoadTable, cost: Callable[[torch.Tensor], torch.Tensor], least: float, limit: float
) -> Places:
    """As `repaired`, but of a cost of `least` where it can: scores are raised for what costs more, as little as is needed."""
    swaps = _Swaps(scored, table, cost)
    places, bonus = repaired(scored, table, cost, limit), relative_loads(table)
    for price in _BONUSES:
        if swaps.cost_of(places) >= least:
            break
        raised = [score + price * own for score, own in zip(scored.scores, bonus, strict=True)]
        other = repaired(replace(scored, scores=tuple(raised)), table, cost, limit)
        places = max((places, other), key=swaps.cost_of)
    return places


def relative_loads(table: LoadTable) -> list[np.ndarray]:
    """What each option adds to all loads, each relative to its mean over the space; [options, bits] a position."""
    scale = table.fixed + np.sum([each.mean((0, 1)) for each in table.options], axis=0)
    weights = 1 / np.where(scale > 0, scale, np.inf)
    return [each @ weights for each in table.options]


def _descended(swaps: "_Swaps", scored: Scored, limit: float) -> Places:
    """From the highest score by single swaps, until the limit is kept or none saves anything."""
    places = scored.best()
    while swaps.cost_of(places) > limit:
        cheaper = swaps.cheaper(places)
        if cheaper is None:
            break
        places = cheaper
    return places


def _priced(swaps: "_Swaps", scored: Scored, table: LoadTable, limit: float) -> Places:
    """The highest score less a price for all loads, at the lowest price of a ladder that keeps the limit, else the highest."""
    relative = relative_loads(table)
    places = scored.best()
    for price in _PRICES:
        less = [score - price * own for score, own in zip(scored.scores, relative, strict=True)]
        places = replace(scored, scores=tuple(less)).best()
        if swaps.cost_of(places) <= limit:
            break
    return places


def _improved(swaps: "_Swaps", places: Places, limit: float) -> Places:
    for _ in range(_ROUNDS):
        better = swaps.better(places, limit)
        if better is None:
            break
        places = better
    return places


class _Swaps:
    """Every other option of every position, as one row each."""

    def __init__(self, scored: Scored, table: LoadTable, cost: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._scored, self._table, self._cost = scored, table, cost
        rows = [(place, *at) for place, score in enumerate(scored.scores) for at in np.ndindex(*score.shape)]
        self._rows = np.array(rows)
        self._loads = np.stack([table.options[place][block, bits] for place, block, bits in rows])
        self._scores = np.array([scored.scores[place][block, bits] for place, block, bits in rows])
        self._skips = np.array([scored.skips[place][block] for place, block, _ in rows])

    def cost_of(self, places: Places) -> float:
        return float(self._costs(self._table.of_places(places)))

    def cheaper(self, places: Places) -> Places | None:
        """The swap that loses the least score for each part of the cost it saves."""
        total = self._table.of_places(places)
        gains, moved, allowed = self._changes(places)
        saved = np.log(self.cost_of(places)) - np.log(self._costs(total + moved))
        able = allowed & (saved > _GAIN)
        if not able.any():
            return None
        price = np.where(able, (np.maximum(-gains, 0) + 1e-6) / np.where(able, saved, 1.0), np.inf)
        return self._swapped(places, int(price.argmin()))

    def better(self, places: Places, limit: float) -> Places | None:
        """The swap, or else the pair of swaps, that gains the most within the limit."""
        total = self._table.of_places(places)
        gains, moved, allowed = self._changes(places)
        single = np.where(allowed & (self._costs(total + moved) <= limit), gains, -np.inf)
        if single.max() > _GAIN:
            return self._swapped(places, int(single.argmax()))
        return self._better_pair(places, limit)

    def _better_pair(self, places: Places, limit: float) -> Places | None:
        total = self._table.of_places(places)
        gains, moved, _ = self._changes(places)
        for up in np.argsort(-gains, kind="stable"):
            if gains[up] <= _GAIN:
                return None
            first = self._swapped(places, int(up))
            _, _, allowed = self._changes(first)
            both = gains[up] + gains
            fits = self._costs(total + moved[up] + moved) <= limit
            able = allowed & fits & (both > _GAIN) & (self._rows[:, 0] != self._rows[up, 0])
            if able.any():
                return self._swapped(first, int(np.where(able, both, -np.inf).argmax()))
        return None

    def _changes(self, places: Places) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every swap: the gain in score, the change of the loads, and whether it is one and keeps the limit on skips."""
        at = np.array(places)[self._rows[:, 0]]
        is_swap = (at != self._rows[:, 1:]).any(1)
        now = np.array([self._scored.scores[place][own] for place, own in enumerate(places)])
        loads = np.stack([self._table.options[place][own] for place, own in enumerate(places)])
        skipping = np.array([self._scored.skips[place][own[0]] for place, own in enumerate(places)])
        after = skipping.sum() - skipping[self._rows[:, 0]] + self._skips
        allowed = is_swap & (after <= self._scored.most_skips)
        return self._scores - now[self._rows[:, 0]], self._loads - loads[self._rows[:, 0]], allowed

    def _swapped(self, places: Places, row: int) -> Places:
        place, block, bits = (int(each) for each in self._rows[row])
        return (*places[:place], (block, bits), *places[place + 1 :])

    def _costs(self, loads: np.ndarray) -> np.ndarray:
        return self._cost(torch.from_numpy(np.maximum(loads, 0.0))).numpy()


def _argmax(score: np.ndarray) -> tuple[int, int]:
    block, bits = np.unravel_index(int(score.argmax()), score.shape)
    return int(block), int(bits)


def scored(scores: Sequence[np.ndarray], skips: Sequence[Sequence[int]], most_skips: int) -> Scored:
    """`Scored` of [options, bits] a position, and the places of the options that go past; who has no other option may."""
    masks = [np.isin(np.arange(len(score)), own) for score, own in zip(scores, skips, strict=True)]
    forced = sum(bool(mask.all()) for mask in masks)
    return Scored(tuple(np.asarray(each, dtype=np.float64) for each in scores), tuple(masks), max(most_skips, forced))
