"""Names of roundings, both ways, and what makes none."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.baselines.scheme import INT3, INT4, INT8, Scheme, scheme_named


@pytest.mark.parametrize(
    ("scheme", "name"),
    [(INT8, "int8"), (INT4, "int4-g64"), (INT3, "int3-g64"), (Scheme(4, 128, symmetric=False), "int4-g128-affine")],
)
def test_names_go_both_ways(scheme: Scheme, name: str) -> None:
    assert scheme.name == name
    assert scheme_named(name) == scheme


@pytest.mark.parametrize(
    "name", ["", "int", "4", "int4-64", "int4-g", "int4-g64-g64", "int4-affine-g64", "int04", "int²", "g64"]
)
def test_what_names_none(name: str) -> None:
    with pytest.raises(ConfigError, match="names look like 'int8', 'int4-g64' or 'int4-g64-affine'"):
        scheme_named(name)


def test_outside_the_range() -> None:
    with pytest.raises(ConfigError, match="bits = 9: rounding takes 2 to 8 bits"):
        scheme_named("int9")
    with pytest.raises(ConfigError, match="group = 0: give a whole number of weights"):
        Scheme(4, 0)


def test_a_group_is_no_longer_than_its_filter() -> None:
    assert INT4.group_in(9) == 9
    assert INT4.group_in(100) == 64
    assert INT8.group_in(100) == 100
