"""Budgets: read as people write them, what is over, by how much, and what is not known."""

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
    with pytest.raises(
        BudgetError, match=r"resnet does not meet the budget: latency 3.00 s is 50.0% over 2.00 s; allow more"
    ):
        Budget(latency_s=2.0).require({"latency_s": 3.0}, "resnet")
    Budget(latency_s=2.0).require({"latency_s": 2.0}, "resnet")


def test_a_verdict_names_only_what_is_over_or_all_that_is_met() -> None:
    budget = Budget(energy_pj=1e9, edp_pj_s=2e6, area_mm2=2.5, macs=4e6, weight_bits=8 * 1024)
    met = {"energy_pj": 5e8, "edp_pj_s": 2e6, "area_mm2": 1.0, "macs": 3e6, "weight_bits": 8 * 512}
    assert budget.verdict(met) == (
        "meets the budget: energy 500 µJ of at most 1 mJ, edp 2 µJ s of at most 2 µJ s, area 1 mm² of at most 2.5 mm², "
        "macs 3.00 M of at most 4.00 M, weights 512 B of at most 1.00 KiB"
    )
    over = met | {"energy_pj": 1.0001e9, "macs": 4e8}
    assert budget.verdict(over) == (
        "does not meet the budget: energy 1 mJ is less than 0.1% over 1 mJ, macs 400 M is 9900% over 4.00 M"
    )


@pytest.mark.parametrize("totals", [{}, {"area_mm2": float("nan")}])
def test_a_limit_on_what_is_not_known_is_refused(totals: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="area_mm2 is limited to 4, but its value is not known"):
        Budget(area_mm2=4.0).violations(totals)


@pytest.mark.parametrize("most", [0, -1, float("nan"), float("inf")])
def test_limits_are_positive_numbers(most: float) -> None:
    with pytest.raises(ConfigError, match="energy_pj"):
        Budget.parse({"energy_pj": most})


def test_limits_are_read_as_people_write_them() -> None:
    words = ["energy=5mJ", "latency=3.5 ms", "edp=2µJ s", "area=2mm²", "macs=40M", "weights=128KiB"]
    assert Budget.of(words).limits == pytest.approx(
        {
            "energy_pj": 5e9,
            "latency_s": 3.5e-3,
            "edp_pj_s": 2e6,
            "area_mm2": 2.0,
            "macs": 4e7,
            "weight_bits": 128 * 1024 * 8,
        }
    )
    assert Budget.of([]) == Budget()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["energy"],
            r"budget 'energy': write what is limited .* as in energy=5mJ; there are energy, latency, edp, area",
        ),
        (["enery=5mJ"], r"'enery' is nothing to limit; there are energy, latency, edp, area, macs, weights"),
        (["energy=5"], r"budget 'energy=5': '5' is no number above 0 with one of the units pJ, nJ, uJ, mJ, J"),
        (["latency=5mJ"], r"'5mJ' is no number above 0 with one of the units ns, us, ms, s"),
        (["energy="], r"'' is no number above 0"),
        (["energy=-5mJ"], r"'-5mJ' is no number above 0"),
        (["area=0mm2"], r"'0mm2' is no number above 0 with one of the units um2, mm2, cm2"),
        (["energy=1e400J"], r"'1e400J' is no number above 0"),
        (["energy=nanJ"], r"'nanJ' is no number above 0"),
        (["macs=4x"], r"'4x' is no number above 0 with one of the units k, M, G, T, or with none"),
        (["weights=12"], r"budget 'weights=12': '12' is no size; write one such as 24 bits, 512 B"),
        (["energy=5mJ", "energy=6mJ"], r"budget 'energy=6mJ': energy is limited twice; keep one"),
    ],
)
def test_words_that_are_no_limit(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        Budget.of(words)
    assert "\n" not in str(error.value)
