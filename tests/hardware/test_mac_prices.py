"""Prices of multiply-accumulates: as in the tables, scaled in width and node, each with what was scaled in its source."""

import pytest

from netchip.errors import RequestError
from netchip.hardware.mac_prices import mac_price


def test_widths_of_the_table_are_sums_of_its_figures() -> None:
    price = mac_price("horowitz-45nm", bits=8, sum_bits=32)
    assert price.pj == pytest.approx(0.2 + 0.1)
    assert price.mm2 == pytest.approx((282 + 137) * 1e-6)
    assert "Horowitz" in price.source
    assert "scaled" not in price.source
    assert "from memory" in price.area_source


def test_other_widths_grow_as_multipliers_and_adders_do() -> None:
    price = mac_price("horowitz-45nm", bits=16, sum_bits=16)
    assert price.pj == pytest.approx(0.2 * 4 + 0.03 * 2)
    assert "scaled from the widths in the table" in price.source
    assert mac_price("aladdin-40nm", bits=8, sum_bits=32).pj == pytest.approx(12.7 / 16 + 0.21)


def test_another_node_is_scaled_and_says_so() -> None:
    here, there = (mac_price("horowitz-45nm", bits=8, sum_bits=32, nm=nm) for nm in (45, 22))
    assert there.pj / here.pj == pytest.approx((22 / 45) ** 1.671)
    assert there.mm2 / here.mm2 == pytest.approx((22 / 45) ** 1.921)
    assert "scaled from 45 to 22 nm" in there.source


def test_a_table_that_is_not_there() -> None:
    with pytest.raises(RequestError, match="no table of arithmetic 'horowitz'; there are horowitz-45nm, aladdin-40nm"):
        mac_price("horowitz", bits=8, sum_bits=32)
