"""Networks that are worth a hearing: within every limit, near the target, and unlike each other."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from netchip.errors import BudgetError
from netchip.methods.dna.joint.pair import Finder, Pair
from netchip.methods.dna.joint.repairing import relative_loads
from netchip.methods.dna.space.architecture import Architecture

Origin = Literal["best", "probabilities", "even", "neighbour"]

_CHANGED = 400
_MOST_CHANGES = 3
_SOLVED = 4
_FILLING = 6.0


@dataclass(frozen=True, eq=False)
class Proposal:
    """A pair that fits, and where it comes from: the highest probabilities, a draw from them, an even draw, or a network that had
    done well.
    """

    pair: Pair
    origin: Origin


def proposals(finder: Finder, best: Pair, scores: Sequence[np.ndarray], count: int, seed: int) -> list[Proposal]:
    """`best`, and at most `count` other pairs: drawn by the probabilities, whose logarithms `scores` are, and evenly, in turns.

    A draw also scores for the use it makes of all parts of the accelerator, by a strength of its own: the slowest part sets the
    pace, and what the others do beside it is free. All make enough use of the target, unless `best` does not.
    """
    random, found = np.random.default_rng(seed), {best.architecture: Proposal(best, "best")}
    for index in range(2 * count):
        if len(found) > count:
            break
        origin = "probabilities" if index % 2 == 0 else "even"
        pair = _drawn(finder, best, [float(index % 2 == 0) * each for each in scores], random)
        if pair is not None and (finder.uses(pair) or not finder.uses(best)):
            found.setdefault(pair.architecture, Proposal(pair, origin))
    return list(found.values())


def neighbour(finder: Finder, parent: Pair, random: np.random.Generator) -> Pair | None:
    """A pair that fits and uses the target, one to three choices away from `parent` and not solved before; none where few tries
    come to none. Only what the outlook puts near the target is solved.
    """
    near = [each for each in _near(finder, parent, random) if each not in finder.solved.pairs]
    for architecture in near[:_SOLVED]:
        with suppress(BudgetError):
            pair = finder.pair(architecture, parent.design)
            if finder.fits(pair) and finder.uses(pair):
                return pair
    return None


def _drawn(finder: Finder, first: Pair, scores: Sequence[np.ndarray], random: np.random.Generator) -> Pair | None:
    """The pair that a draw comes to, from `first` on; none where it is over a limit."""
    strength = random.uniform(0, _FILLING)
    noisy = [each + random.gumbel(size=each.shape) for each in scores]
    try:
        if not np.isfinite(finder.platform.target):
            return finder.best(noisy)
        filling = relative_loads(finder.outlook())
        return finder.near([each + strength * loads for each, loads in zip(noisy, filling, strict=True)], first)
    except BudgetError:
        return None


def _near(finder: Finder, parent: Pair, random: np.random.Generator) -> list[Architecture]:
    """Networks near `parent` that the outlook puts near the target."""
    changed = [each for each in _changed(finder, parent, random) if _skips(finder, each) <= finder.most_skips]
    networks = [finder.layers.space.architecture(each) for each in changed]
    if not np.isfinite(finder.platform.target):
        return networks
    room = finder.platform.target * finder.expected_cost(parent.architecture) / parent.cost
    return [each for each in networks if finder.least_use <= finder.expected_cost(each) / room <= 1.0]


def _changed(finder: Finder, parent: Pair, random: np.random.Generator) -> list[tuple[tuple[int, int], ...]]:
    """Places of different networks, one to three choices from `parent`, in the order they were drawn."""
    space = finder.layers.space
    own = space.places(parent.architecture)
    found: dict[tuple[tuple[int, int], ...], None] = {}
    for _ in range(_CHANGED):
        places = list(own)
        for place in random.permutation(len(own))[: int(random.integers(1, _MOST_CHANGES + 1))]:
            options = len(space.positions[place].options)
            places[place] = (int(random.integers(options)), int(random.integers(len(space.bits))))
        if tuple(places) != own:
            found[tuple(places)] = None
    return list(found)


def _skips(finder: Finder, places: Sequence[tuple[int, int]]) -> int:
    return sum(block in at.skips for (block, _), at in zip(places, finder.layers.space.positions, strict=True))
