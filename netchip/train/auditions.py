"""Auditions: candidates of a search are judged after a short training of their own, the best few again after a longer one.

Between the two, neighbours of the best so far are heard, one after the other. What trains, and from which weights, is the judge's.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

T = TypeVar("T")
Origin = TypeVar("Origin", bound=str)

PARENTS = 3
"""A neighbour is one of so many, the best at that moment."""


class Rounds(Protocol):
    """How many are heard, and for how long: a part of a search's settings."""

    @property
    def audition_epochs(self) -> int:
        """Of a first hearing."""
        ...

    @property
    def neighbours(self) -> int:
        """How often a neighbour is asked for."""
        ...

    @property
    def finalists(self) -> int:
        """How many are heard again."""
        ...

    @property
    def finalist_epochs(self) -> int:
        """Of that hearing."""
        ...


@dataclass(frozen=True, eq=False)
class Heard(Generic[T, Origin]):
    """A candidate with its `score`, the higher the better, after `epochs` of its own; `origin` says where it comes from."""

    what: T
    origin: Origin
    score: float
    epochs: int


def auditions(
    first: Iterable[tuple[T, Origin]],
    near: Callable[[T], T | None],
    judge: Callable[[T, int], float],
    rounds: Rounds,
    *,
    key: Callable[[T], Hashable],
    follower: Origin,
    random: np.random.Generator,
) -> list[Heard[T, Origin]]:
    """Hears `first` in its order, then what is `near` one of the best (of origin `follower`), at last the finalists again.

    Nothing is heard twice but the finalists: `key` tells candidates apart. In the order they were first heard; `first`
    holds one at least where neighbours are asked for.
    """
    heard: dict[Hashable, Heard[T, Origin]] = {}

    def hear(what: T, origin: Origin, epochs: int) -> None:
        heard[key(what)] = Heard(what, origin, judge(what, epochs), epochs)

    for what, origin in first:
        hear(what, origin, rounds.audition_epochs)
    for _ in range(rounds.neighbours):
        parents = best_first(heard.values())[:PARENTS]
        found = near(parents[int(random.integers(len(parents)))].what)
        if found is not None and key(found) not in heard:
            hear(found, follower, rounds.audition_epochs)
    for each in best_first(heard.values())[: rounds.finalists]:
        hear(each.what, each.origin, rounds.finalist_epochs)
    return list(heard.values())


def best_first(heard: Iterable[Heard[T, Origin]]) -> list[Heard[T, Origin]]:
    """By score; those that were heard for longer before the others."""
    return sorted(heard, key=lambda each: (-each.epochs, -each.score))
