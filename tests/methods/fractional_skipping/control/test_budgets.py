"""Budgets as they are written, and the range that options reach."""

import numpy as np
import pytest

from netchip.errors import BudgetError, ConfigError
from netchip.methods.fractional_skipping.control.budgets import check_reachable, share_of
from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.options import PAPER_4


@pytest.mark.parametrize(("written", "share"), [("50%", 0.5), (" 12.5 % ", 0.125), (0.3, 0.3), ("0.3", 0.3), (1, 1.0)])
def test_shares_are_read(written: str | float, share: float) -> None:
    assert share_of(written) == pytest.approx(share)


@pytest.mark.parametrize("written", ["110%", "0%", 0, -0.1, 1.5])
def test_shares_outside_are_refused(written: str | float) -> None:
    with pytest.raises(ConfigError, match="above 0 % and at most 100 %"):
        share_of(written)


@pytest.mark.parametrize("written", ["half", "", "%", "5 ms"])
def test_other_words_are_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="such as '50%'"):
        share_of(written)


def test_the_reachable_range_is_named() -> None:
    costs = np.array([[2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 5.0]])
    table = CostTable(("a", "b"), PAPER_4, costs, 10.0, None, "MACs")
    assert [check_reachable(table, share) for share in (0.3, 1.0)] == [0.3, 1.0]
    with pytest.raises(BudgetError, match=r"a budget of 29 % .* reach 30 % to 100 %; choose a budget in there"):
        check_reachable(table, 0.29)
