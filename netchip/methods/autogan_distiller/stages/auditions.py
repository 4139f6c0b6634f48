"""Auditions: candidates are judged after a short training that begins with the shared weights.

Shared weights alone tell little: a network that hardly departs from bicubic interpolation does so with little harm while others
suffer from weights that many networks pull at. After some dozen steps of its own the order is nearly that of the full training,
but for the best few, which lie close together: these are heard again, for longer.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from netchip.errors import BudgetError
from netchip.methods.autogan_distiller.costing.choosing import random_networks
from netchip.methods.autogan_distiller.costing.exact import Found
from netchip.methods.autogan_distiller.costing.neighbours import neighbour
from netchip.methods.autogan_distiller.costing.table import CostTable
from netchip.methods.autogan_distiller.costing.uniform import nearly_uniform
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.spec import SearchSpec
from netchip.train.auditions import Heard, auditions

Judge = Callable[[Architecture, int], float]
"""The PSNR in dB of a candidate to the teacher, on the validation part, after so many epochs of its own."""
Origin = Literal["logits", "uniform", "drawn", "neighbour"]
_FILLED = 0.9
_OTHERS = 7919  # added to the seed, so that the random networks a run compares with are not those judged here


@dataclass(frozen=True)
class Candidate:
    """A judged network: `found.score` is its PSNR in dB after `epochs` of its own.

    `origin`: the logits gave it, or it has nearly one operator and one share of width throughout, or it was drawn at random near
    the budget, or it is a neighbour of one that had done well.
    """

    found: Found
    origin: Origin
    epochs: int


def auditioned(
    table: CostTable, budget: float, given: Sequence[Architecture], judge: Judge, search: SearchSpec, *, seed: int
) -> tuple[Candidate, ...]:
    """Judges `given`, the uniform networks, networks drawn near the budget, then neighbours of the best three so far, one after
    the other; at last the best few again, for longer.

    All cost at most `budget`, and at least `search.least_use` of it as long as there are such. In the order they were first judged.
    """
    random = np.random.default_rng(seed)

    def near(parent: Architecture) -> Architecture | None:
        found = neighbour(table, parent, budget, random, least=search.least_use)
        return None if found is None else found.architecture

    first = _large_enough(table, budget, _first(table, budget, given, search, seed), search.least_use)
    heard: list[Heard[Architecture, Origin]] = auditions(
        first, near, judge, search, key=lambda each: each.digest, follower="neighbour", random=random
    )
    return tuple(
        Candidate(Found(each.what, table.of(each.what), each.score), each.origin, each.epochs) for each in heard
    )


def by_quality(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The best first; those that were heard for longer before the others."""
    return sorted(candidates, key=lambda each: (each.epochs, each.found.score), reverse=True)


def _drawn(table: CostTable, budget: float, count: int, seed: int) -> list[Architecture]:
    try:
        found = random_networks(table, budget, count, seed=seed + _OTHERS) if count else []
    except BudgetError:  # the space has too few networks of that cost
        return []
    return [each.architecture for each in found]


def _first(
    table: CostTable, budget: float, given: Sequence[Architecture], search: SearchSpec, seed: int
) -> list[tuple[Architecture, Origin]]:
    """What is heard before there are neighbours, each network once, under the first of its origins."""
    origins: dict[Origin, Sequence[Architecture]] = {
        "logits": given,
        "uniform": nearly_uniform(table, budget, least=max(_FILLED, search.least_use)) if search.uniform else (),
        "drawn": _drawn(table, budget, search.drawn, seed),
    }
    first: dict[str, tuple[Architecture, Origin]] = {}
    for origin, architectures in origins.items():
        for each in architectures:
            first.setdefault(each.digest, (each, origin))
    return list(first.values())


def _large_enough(
    table: CostTable, budget: float, first: list[tuple[Architecture, Origin]], least: float
) -> list[tuple[Architecture, Origin]]:
    within = [each for each in first if table.of(each[0]) <= budget]
    return [each for each in within if table.of(each[0]) >= least * budget] or within
