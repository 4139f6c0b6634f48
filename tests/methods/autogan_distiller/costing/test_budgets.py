"""Budgets as people write them."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.autogan_distiller.costing.budgets import parse_budget


@pytest.mark.parametrize(
    ("written", "measure", "value"),
    [
        ("9 GMACs", "macs", 9e9), ("250M", "macs", 250e6), ("1.5 T", "macs", 1.5e12), (250_000, "macs", 250_000),
        ("300k parameters", "parameters", 300e3), ("1.2 MB", "bytes", 1.2e6), ("64 KiB", "bytes", 65_536),
        ("3.5 ms", "latency", 3.5e-3),
        ("80us", "latency", 80e-6), ("2 mJ", "energy", 2e9), (".5 uJ", "energy", 5e5),
    ],
)  # fmt: skip
def test_amounts_carry_their_measure(written: str | float, measure: str, value: float) -> None:
    budget = parse_budget(written)
    assert (budget.measure, budget.is_share) == (measure, False)
    assert budget.of(None) == pytest.approx(value)


def test_a_share_is_what_is_kept_of_the_teacher() -> None:
    budget = parse_budget(" 10 % ")
    assert (budget.measure, budget.of(50e9), budget.written) == ("macs", pytest.approx(5e9), "10 %")
    assert parse_budget("10%", "latency").measure == "latency"
    assert parse_budget("3 ms", "modelled_latency").measure == "modelled_latency"
    with pytest.raises(ConfigError, match="what the teacher costs is not known"):
        budget.of(None)


@pytest.mark.parametrize(
    ("written", "measure", "message"),
    [
        ("110%", None, "'110%': a share is above 0 % and below 100 %"),
        ("100%", None, "below 100 %"),
        ("0%", None, "above 0 %"),
        ("0", None, "a budget is above 0"),
        (0, None, "a budget is above 0"),
        ("small", None, 'write "10%"'),
        ("-3 ms", None, 'write "10%"'),
        ("3 apples", None, "'apples' is no unit of a budget"),
        ("3 ms", "macs", "macs has no unit 'ms'"),
        ("3 ms", "watts", "known are macs, parameters"),
    ],
)
def test_what_is_refused(written: str | float, measure: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_budget(written, measure)  # type: ignore[arg-type]
