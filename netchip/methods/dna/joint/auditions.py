"""Auditions: candidates are judged after a short training that begins with the shared weights.

Shared weights alone tell little: on digits, of networks at one pace, their order agrees with that of the full training at a rank
correlation of 0.6, after three epochs of a candidate's own at 0.8; the MACs of such networks agree at 0.1.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from netchip.methods.dna.joint.candidates import Origin
from netchip.methods.dna.joint.co_search import CoSearch
from netchip.methods.dna.joint.pair import Pair
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.spec import SearchSpec

Judge = Callable[[Architecture, int], float]
"""The validation loss of a network after so many epochs of its own, which begin with the shared weights."""
_PARENTS = 3


@dataclass(frozen=True, eq=False)
class Candidate:
    """A pair that fits, judged: its loss after `epochs` of its own."""

    pair: Pair
    origin: Origin
    loss: float
    epochs: int


def auditioned(search: CoSearch, judge: Judge, spec: SearchSpec, *, seed: int) -> tuple[Candidate, ...]:
    """Judges the pairs that the search proposes, then neighbours of the best three so far, one after the other; at last the best
    few again, after a longer training.

    The best first; those that were heard for longer before the others. Raises `BudgetError` where no pair fits.
    """
    random, judged = np.random.default_rng(seed), dict[Architecture, Candidate]()

    def hear(pair: Pair, origin: Origin, epochs: int) -> None:
        judged[pair.architecture] = Candidate(pair, origin, judge(pair.architecture, epochs), epochs)

    for each in search.candidates(spec.drawn, seed=seed):
        hear(each.pair, each.origin, spec.audition_epochs)
    for _ in range(spec.neighbours):
        parents = by_loss(judged.values())[:_PARENTS]
        pair = search.neighbour(parents[int(random.integers(len(parents)))].pair, random)
        if pair is not None and pair.architecture not in judged:
            hear(pair, "neighbour", spec.audition_epochs)
    for each in by_loss(judged.values())[: spec.finalists]:
        hear(each.pair, each.origin, spec.finalist_epochs)
    return tuple(by_loss(judged.values()))


def by_loss(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The best first; those that were heard for longer before the others."""
    return sorted(candidates, key=lambda each: (-each.epochs, each.loss))
