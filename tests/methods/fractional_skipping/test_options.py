"""Options, their order and costs, and the sets that are refused."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.options import (
    INT8,
    PAPER_4,
    PAPER_7,
    PAPER_10,
    SKIPNET,
    Bits,
    Full,
    OptionSet,
    Skip,
    parse_option,
)


def test_costs_of_the_released_code() -> None:
    """K = 7: 0, 1/16, 25/256, 9/64, 49/256, 1/4, 1 (section 2 of the notes on the released code)."""
    assert PAPER_7.costs == (0, 1 / 16, 25 / 256, 9 / 64, 49 / 256, 1 / 4, 1)
    assert PAPER_4.costs == (0, 1 / 16, 1 / 4, 1)
    assert (len(SKIPNET), len(PAPER_4), len(PAPER_7), len(PAPER_10)) == (2, 4, 7, 10)


def test_int8_is_its_own_full() -> None:
    assert INT8.names == ("skip", "2", "3", "4", "6", "8")
    assert INT8.costs == (0, 4 / 64, 9 / 64, 16 / 64, 36 / 64, 1)
    assert INT8.options[INT8.reference] == Bits(8)


def test_ordered_by_cost_and_named() -> None:
    options = OptionSet([Full(), Bits(8), Skip(), Bits(4, 8), Bits(8, 4)])
    assert options.names == ("skip", "4x8", "8x4", "8", "full")
    assert [options.index(name) for name in options.names] == [0, 1, 2, 3, 4]
    assert options.index(Bits(8, 8)) == 3
    assert (options.skip, options.reference, options[1]) == (0, 4, Bits(4, 8))
    assert OptionSet([Bits(8), Full()]).skip is None


def test_names_lead_back() -> None:
    assert OptionSet.parse("full, 8, 4x8,skip") == OptionSet([Skip(), Bits(4, 8), Bits(8), Full()])
    assert [parse_option(option.name) for option in PAPER_10] == list(PAPER_10)


@pytest.mark.parametrize(
    ("names", "reference", "message"),
    [
        ("skip,8", 32, r"the options given are skip, 8, without the reference of 32 bits; add Full\(\)"),
        ("skip,4", 8, r"without the reference of 8 bits; add Bits\(8\)"),
        ("full", 32, "the options given are full: a gate needs at least two to choose from"),
        ("skip,8,8x8,full", 32, "option '8' is in the set twice"),
        ("skip,8,full", 8, "option 'full' costs 16 times the reference of 8 bits; leave it out"),
        ("skip,full", 16, "reference_bits = 16: costs are shares of 32 bits or of 8"),
        ("skip,1,full", 32, r"Bits\(1, None\): give whole numbers of bits from 2 to 24"),
        ("skip,32,full", 32, r"Bits\(32, None\): give whole numbers"),
        ("skip,low,full", 32, "option 'low': write skip, full, 8 .* or 4x8"),
        ("skip,4x8x8,full", 32, "option '4x8x8': write skip"),
    ],
)
def test_sets_that_are_refused(names: str, reference: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OptionSet.parse(names, reference)


def test_bits_that_are_no_whole_number() -> None:
    with pytest.raises(ConfigError, match=r"Bits\(4.5, None\)"):
        Bits(4.5)  # pyright: ignore[reportArgumentType]


def test_an_option_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="option '6' is not in this set; it has skip, 8, 16, full"):
        PAPER_4.index("6")
