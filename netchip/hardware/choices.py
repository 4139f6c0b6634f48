"""A space of designs as a value: choices with their options. Searches see nothing else of a space."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.suggest import did_you_mean


@dataclass(frozen=True)
class Choice:
    """One choice: its name and its options, each a number, no two alike.

    `at_most` names an earlier choice: an option is allowed where its value is not above the one taken there, as an unrolling is
    not above its tile. Raises `RequestError` where there is no option, or one stands twice.
    """

    name: str
    options: tuple[float, ...]
    at_most: str | None = None

    def __post_init__(self) -> None:
        if not self.options:
            raise RequestError(f"{self.name} has no option; give at least one")
        if len(set(self.options)) < len(self.options):
            raise RequestError(f"{self.name} has an option twice in {list(self.options)}; keep one of each")
        if not all(math.isfinite(each) for each in self.options):
            raise RequestError(f"{self.name} has an option that is no number in {list(self.options)}")


@dataclass(frozen=True)
class Choices:
    """P choices in order. A design is one pick a choice; N designs are `picks` [P, N], whole numbers, indices into the options.

    Raises `RequestError` where two choices share a name, `at_most` names no earlier choice, or leaves a pick there without options.
    """

    each: tuple[Choice, ...]

    def __post_init__(self) -> None:
        seen: dict[str, Choice] = {}
        for choice in self.each:
            if choice.name in seen:
                raise RequestError(f"two choices are called {choice.name!r}; give each its own name")
            if choice.at_most is not None:
                _check_bound(choice, choice.at_most, seen)
            seen[choice.name] = choice

    def __len__(self) -> int:
        return len(self.each)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Options of each choice."""
        return tuple(len(choice.options) for choice in self.each)

    @cached_property
    def bounded_by(self) -> tuple[int | None, ...]:
        """For each choice the place of the one that bounds it."""
        places = {choice.name: place for place, choice in enumerate(self.each)}
        return tuple(None if choice.at_most is None else places[choice.at_most] for choice in self.each)

    @cached_property
    def _allowed(self) -> tuple[np.ndarray, ...]:
        """For each choice [options, options of the one that bounds it]; [options, 1] where none does."""
        found: list[np.ndarray] = []
        for choice, bound in zip(self.each, self.bounded_by, strict=True):
            own = np.asarray(choice.options)[:, None]
            found.append(own <= (np.inf if bound is None else np.asarray(self.each[bound].options)))
        return tuple(found)

    @property
    def count(self) -> int:
        """Designs that are allowed, counted exactly, however many there are."""
        ways = [[1] * size for size in self.sizes]
        total = 1
        for place in range(len(self) - 1, -1, -1):
            bound = self.bounded_by[place]
            if bound is None:
                total *= sum(ways[place])
                continue
            for option in range(self.sizes[bound]):
                allowed = self._allowed[place][:, option]
                ways[bound][option] *= sum(way for way, ok in zip(ways[place], allowed, strict=True) if ok)
        return total

    def allowed(self, place: int, picks: np.ndarray) -> np.ndarray:
        """Which options of choice `place` are allowed under the picks before it, [options, N]."""
        table, bound = self._allowed[place], self.bounded_by[place]
        return np.broadcast_to(table, (len(table), picks.shape[1])) if bound is None else table[:, picks[bound]]

    def values(self, picks: np.ndarray) -> dict[str, np.ndarray]:
        """The numbers that picks stand for, [N] by name, float64."""
        return {
            choice.name: np.asarray(choice.options, dtype=np.float64)[row]
            for choice, row in zip(self.each, picks, strict=True)
        }

    def legal(self, picks: np.ndarray) -> np.ndarray:
        """Which designs are allowed, [N]."""
        columns = np.arange(picks.shape[1], dtype=np.int64)
        rows = [self.allowed(place, picks)[picks[place], columns] for place in range(len(self))]
        return np.all(rows, axis=0)

    def repaired(self, picks: np.ndarray) -> np.ndarray:
        """The picks with every option that is not allowed exchanged for the highest that is."""
        found = np.array(picks)
        for place, bound in enumerate(self.bounded_by):
            if bound is None:
                continue
            allowed, options = self.allowed(place, found), np.asarray(self.each[place].options)
            best = np.argmax(np.where(allowed, options[:, None], -np.inf), axis=0)
            found[place] = np.where(allowed[found[place], np.arange(found.shape[1])], found[place], best)
        return found

    def drawn(self, random: np.random.Generator, size: int) -> np.ndarray:
        """`size` designs, each pick uniform among the options allowed by those before it."""
        picks = np.zeros((len(self), size), dtype=np.int64)
        for place in range(len(self)):
            allowed = self.allowed(place, picks)
            rank = cast("np.ndarray", random.integers(0, allowed.sum(0)))
            picks[place] = np.argmax(allowed & (np.cumsum(allowed, axis=0) > rank), axis=0)
        return picks

    def all(self, most: int) -> np.ndarray:
        """Every allowed design once, [P, count]; raises `RequestError` where there are more than `most`."""
        if self.count > most:
            raise RequestError(
                f"{self.count:.3g} designs are too many to list ({most:.3g} at most); shorten the options, or sample them"
            )
        picks = np.zeros((0, 1), dtype=np.int64)
        for place in range(len(self)):
            option, design = np.nonzero(self.allowed(place, picks))
            picks = np.concatenate([picks[:, design], option[None]])
        return picks

    def picks_of(self, values: Mapping[str, float]) -> np.ndarray:
        """One design [P, 1] by its values; raises `RequestError` that names a choice without a value, or a value without option."""
        found: list[int] = []
        for choice in self.each:
            if choice.name not in values:
                raise RequestError(f"no value for {choice.name!r}; give one of {list(choice.options)}")
            if values[choice.name] not in choice.options:
                raise RequestError(
                    f"{choice.name} = {values[choice.name]:g} is no option; there are {list(choice.options)}"
                )
            found.append(choice.options.index(values[choice.name]))
        return np.asarray(found, dtype=np.int64)[:, None]


def side_by_side(parts: Sequence[tuple[str, Choices]]) -> Choices:
    """The choices of several named parts in a row, each called "part.choice"."""
    return Choices(
        tuple(
            Choice(
                f"{name}.{choice.name}", choice.options, None if choice.at_most is None else f"{name}.{choice.at_most}"
            )
            for name, choices in parts
            for choice in choices.each
        )
    )


def _check_bound(choice: Choice, at_most: str, seen: Mapping[str, Choice]) -> None:
    if at_most not in seen:
        raise RequestError(f"{choice.name} is bounded by {at_most!r}, no choice before it{did_you_mean(at_most, seen)}")
    if min(choice.options) > min(seen[at_most].options):
        raise RequestError(
            f"{choice.name} has no option of at most {min(seen[at_most].options):g}, which {at_most} may take; add one"
        )
