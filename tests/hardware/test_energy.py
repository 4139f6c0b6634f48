"""Prices: every one has a source, none is negative, MACs scale with their bits where asked."""

from typing import Any

import pytest

from netchip.errors import ConfigError
from netchip.hardware.energy import EnergyTable

_MEMORY = {"read_pj": 1.0, "write_pj": 2.0, "source": "a paper"}


def table(**changes: Any) -> dict[str, Any]:
    return {"mac": {"pj": 0.5, "source": "a paper"}, "memories": {"buffer": _MEMORY}, **changes}


def test_json_both_ways() -> None:
    data = table(mac_bits=(8, 8), hop={"pj": 2, "source": "x"}, actions={"shift_add": {"pj": 0.1, "source": "x"}})
    value = EnergyTable.parse(data)
    assert EnergyTable.parse(value.model_dump(mode="json")) == value


def test_a_mac_costs_in_proportion_to_both_widths() -> None:
    value = EnergyTable.parse(table(mac_bits=(8, 4)))
    assert value.mac_pj(8, 4) == 0.5
    assert value.mac_pj(4, 16) == 0.5 * (4 * 16) / (8 * 4)


def test_without_stated_widths_a_mac_costs_the_same_at_all() -> None:
    assert EnergyTable.parse(table()).mac_pj(2, 16) == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mac": {"pj": -0.5, "source": "x"}}, r"mac\.pj = -0\.5: .*greater than or equal to 0"),
        ({"mac": {"pj": float("nan"), "source": "x"}}, r"mac\.pj = nan: "),
        ({"mac": {"pj": float("inf"), "source": "x"}}, r"mac\.pj = inf: .*finite"),
        ({"mac_bits": (0, 8)}, r"mac_bits\.0 = 0: .*greater than or equal to 1"),
        ({"mac_bits": (8, -8)}, r"mac_bits\.1 = -8: .*greater than or equal to 1"),
        ({"mac": {"pj": 0.5}}, r"mac\.source: Field required"),
        ({"mac": {"pj": 0.5, "source": ""}}, r"mac\.source = '': "),
        ({"memories": {"buffer": {**_MEMORY, "raed_pj": 1}}}, r"unknown key .*raed_pj.*did you mean 'read_pj'"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EnergyTable.parse(table(**changes))
