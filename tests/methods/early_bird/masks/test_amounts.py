"""Budgets as people write them."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.early_bird.masks.amounts import parse_latency, parse_macs


@pytest.mark.parametrize(
    ("written", "share", "value"),
    [
        ("60%", True, 0.6),
        (" 12.5 % ", True, 0.125),
        ("250M", False, 250e6),
        ("1.5 G", False, 1.5e9),
        ("40000", False, 4e4),
        (40000, False, 4e4),
    ],
)
def test_macs(written: str | int, share: bool, value: float) -> None:
    amount = parse_macs(written)
    assert (amount.is_share, amount.value) == (share, pytest.approx(value))


@pytest.mark.parametrize(("written", "seconds"), [("3.5 ms", 3.5e-3), ("250us", 250e-6), ("1 s", 1.0)])
def test_latency(written: str, seconds: float) -> None:
    assert parse_latency(written).value == pytest.approx(seconds)
    assert not parse_latency(written).is_share


def test_an_amount_of_a_dense_network() -> None:
    assert parse_macs("60%").of(200) == pytest.approx(120)
    assert parse_macs("90").of(200) == 90


@pytest.mark.parametrize("written", ["0%", "100%", "140%"])
def test_a_share_is_what_is_kept(written: str) -> None:
    with pytest.raises(ConfigError, match="a share is above 0 % and below 100 %; it is what is kept"):
        parse_macs(written)


@pytest.mark.parametrize("written", ["", "fast", "-3M", "3 ms", "0", "1e6", "5 %%"])
def test_what_is_no_budget_of_macs(written: str) -> None:
    with pytest.raises(ConfigError, match=r'macs = .*: write "60%" \(the share kept\), "250M" or a whole number'):
        parse_macs(written)


@pytest.mark.parametrize("written", ["5", "5 M", "0 ms"])
def test_a_latency_has_a_unit(written: str) -> None:
    with pytest.raises(ConfigError, match=r'latency = .*: write "60%" .* or a time with its unit, "3\.5 ms"'):
        parse_latency(written)
