"""Auditions: candidates are judged after a short training that begins with the shared weights.

Shared weights alone tell little: on digits, of networks at one pace, their order agrees with that of the full training at a rank
correlation of 0.6, after three epochs of a candidate's own at 0.8; the MACs of such networks agree at 0.1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netchip.methods.dna.joint.candidates import Origin
from netchip.methods.dna.joint.co_search import CoSearch
from netchip.methods.dna.joint.pair import Pair
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.spec import SearchSpec
from netchip.train.auditions import Heard, auditions, best_first

Judge = Callable[[Architecture, int], float]
"""The validation loss of a network after so many epochs of its own, which begin with the shared weights."""


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
    random = np.random.default_rng(seed)
    heard: list[Heard[Pair, Origin]] = auditions(
        [(each.pair, each.origin) for each in search.candidates(spec.drawn, seed=seed)],
        lambda parent: search.neighbour(parent, random),
        lambda pair, epochs: -judge(pair.architecture, epochs),
        spec,
        key=lambda pair: pair.architecture,
        follower="neighbour",
        random=random,
    )
    return tuple(Candidate(each.what, each.origin, -each.score, each.epochs) for each in best_first(heard))
