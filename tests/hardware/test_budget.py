"""Budgets: what is over, by how much, and what is not known."""

import pytest

from netchip.errors import BudgetError, ConfigError, RequestError
from netchip.hardware.budget import Budget


def test_names_what_is_over_and_by_which_share() -> None:
    budget = Budget(energy_pj=100.0, latency_s=2.0, macs=10)
    assert budget.violations({"energy_pj": 125.0, "latency_s": 2.0, "macs": 11.0}) == pytest.approx(
        {"energy_pj": 0.25, "macs": 0.1}
    )


def test_without_limits_everything_is_met() -> None:
    assert Budget().violations({"energy_pj": 1e30}) == {}


def test_require_tells_what_was_reached() -> None:
    with pytest.raises(BudgetError, match=r"resnet does not meet the budget: latency_s 3 is 50.0% over 2"):
        Budget(latency_s=2.0).require({"latency_s": 3.0}, "resnet")
    Budget(latency_s=2.0).require({"latency_s": 2.0}, "resnet")


@pytest.mark.parametrize("totals", [{}, {"area_mm2": float("nan")}])
def test_a_limit_on_what_is_not_known_is_refused(totals: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="area_mm2 is limited to 4, but its value is not known"):
        Budget(area_mm2=4.0).violations(totals)


@pytest.mark.parametrize("most", [0, -1, float("nan"), float("inf")])
def test_limits_are_positive_numbers(most: float) -> None:
    with pytest.raises(ConfigError, match="energy_pj"):
        Budget.parse({"energy_pj": most})
