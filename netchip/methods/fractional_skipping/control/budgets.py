"""Budgets as shares of the reference: how they are written, and what a set of options can reach. No torch."""

from netchip.errors import BudgetError, ConfigError
from netchip.methods.fractional_skipping.costs import CostTable

_SLACK = 1e-9


def share_of(budget: str | float) -> float:
    """The share of the reference that a budget keeps: "50%" or 0.5 is 0.5.

    Raises `ConfigError` for what is no share above 0 and at most 1.
    """
    written = budget.strip() if isinstance(budget, str) else budget
    try:
        share = float(written[:-1]) / 100 if isinstance(written, str) and written.endswith("%") else float(written)
    except ValueError:
        raise ConfigError(f"budget = {budget!r}: write the share of the cost that is kept, such as '50%'") from None
    if not 0 < share <= 1:
        raise ConfigError(f"budget = {budget!r}: the share of the cost that is kept is above 0 % and at most 100 %")
    return share


def check_reachable(table: CostTable, share: float) -> float:
    """`share`, if some route of the gated blocks has it or less and some as much or more.

    Raises `BudgetError` that names what is reachable.
    """
    low, high = table.reachable
    if low - _SLACK <= share <= high + _SLACK:
        return share
    raise BudgetError(
        f"a budget of {100 * share:g} % of the gated blocks' cost is out of reach: the options "
        f"{', '.join(table.options.names)} reach {100 * low:.4g} % to {100 * high:.4g} %; "
        "choose a budget in there, or other options"
    )
