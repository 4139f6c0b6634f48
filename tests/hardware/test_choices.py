"""Spaces as choices: counted, listed, drawn and repaired, against plain enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.hardware.choices import Choice, Choices, side_by_side

SMALL = Choices(
    (
        Choice("tile", (4, 2, 1)),
        Choice("depth", (3, 1)),
        Choice("unroll", (1, 2, 4), at_most="tile"),
        Choice("half", (2, 1), at_most="unroll"),
    )
)


def by_hand(choices: Choices) -> list[tuple[int, ...]]:
    found = []
    for picks in itertools.product(*map(range, choices.sizes)):
        value = {choice.name: choice.options[pick] for choice, pick in zip(choices.each, picks, strict=True)}
        if all(choice.at_most is None or value[choice.name] <= value[choice.at_most] for choice in choices.each):
            found.append(picks)
    return found


@st.composite
def spaces(draw: st.DrawFn) -> Choices:
    found: list[Choice] = []
    for name in "abcd"[: draw(st.integers(1, 4))]:
        options = tuple(draw(st.lists(st.sampled_from([2, 3, 5, 8]), max_size=3, unique=True)))
        bound = draw(st.sampled_from([None, *(choice.name for choice in found)]))
        found.append(Choice(name, (*options, 1), bound))
    return Choices(tuple(found))


@given(spaces())
def test_counting_and_listing_are_those_of_plain_enumeration(choices: Choices) -> None:
    wanted = by_hand(choices)
    assert choices.count == len(wanted)
    assert sorted(map(tuple, choices.all(10_000).T.tolist())) == wanted


@given(spaces(), st.integers(0, 5))
def test_what_is_drawn_or_repaired_is_allowed(choices: Choices, seed: int) -> None:
    random = np.random.default_rng(seed)
    drawn = choices.drawn(random, 20)
    assert choices.legal(drawn).all()
    anything = np.stack([random.integers(0, size, 20) for size in choices.sizes])
    repaired = choices.repaired(anything)
    assert choices.legal(repaired).all()
    kept = choices.legal(anything)
    np.testing.assert_array_equal(repaired[:, kept], anything[:, kept])


def test_every_allowed_design_is_drawn() -> None:
    drawn = SMALL.drawn(np.random.default_rng(0), 2000)
    assert {tuple(each) for each in drawn.T.tolist()} == set(by_hand(SMALL))


def test_repair_takes_the_highest_allowed() -> None:
    picks = np.array([[1], [0], [2], [0]])  # tile 2, depth 3, unroll 4, half 2
    assert SMALL.values(SMALL.repaired(picks))["unroll"].tolist() == [2]


def test_values_and_back() -> None:
    picks = SMALL.picks_of({"tile": 2, "depth": 1, "unroll": 2, "half": 1})
    assert {name: float(value[0]) for name, value in SMALL.values(picks).items()} == {
        "tile": 2,
        "depth": 1,
        "unroll": 2,
        "half": 1,
    }


def test_parts_side_by_side_multiply() -> None:
    both = side_by_side([("a", SMALL), ("b", SMALL)])
    assert both.count == SMALL.count**2
    assert both.each[2].at_most == "a.tile"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Choice("tile", ()), "tile has no option; give at least one"),
        (lambda: Choice("tile", (1, 1)), "tile has an option twice"),
        (lambda: Choice("tile", (1, float("nan"))), "no number"),
        (lambda: Choices((Choice("a", (1,)), Choice("a", (1,)))), "two choices are called 'a'"),
        (lambda: Choices((Choice("a", (1,), "tile"),)), "bounded by 'tile', no choice before it"),
        (lambda: Choices((Choice("a", (1,)), Choice("b", (2,), "a"))), "no option of at most 1, which a may take"),
        (lambda: SMALL.all(3), "designs are too many to list"),
        (lambda: SMALL.picks_of({}), "no value for 'tile'"),
        (lambda: SMALL.picks_of({"tile": 3}), "tile = 3 is no option"),
    ],
)
def test_what_is_impossible_is_refused(make, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        make()
