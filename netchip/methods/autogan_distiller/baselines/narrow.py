"""A network of a given shape, the teacher's or one made by hand, as wide as a budget lets it be."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from netchip.errors import BudgetError
from netchip.methods.autogan_distiller.costing.measures import Measure

MakeAtWidth = Callable[[int], nn.Module]


def widest_within(
    make: MakeAtWidth, measure: Measure, example: Tensor, budget: float, *, most: int, what: str
) -> nn.Module:
    """The network `make(width)` of the largest width, 1 to `most`, whose cost on `example` is within `budget`.

    The cost must not fall as the width grows. Raises `BudgetError`, naming `what`, where width 1 costs more.
    """
    network, cost = _widest(make, measure, example, budget, most)
    if network is None:
        raise BudgetError(
            f"{what} of width 1 costs {measure.written(cost)}, more than {measure.written(budget)}; leave this baseline out"
        )
    return network


def fullest_within(
    makes: Sequence[MakeAtWidth], measure: Measure, example: Tensor, budget: float, *, most: int, what: str
) -> nn.Module:
    """Of the widest networks of several depths, `makes`, the dearest within `budget`: a coarse width leaves no budget unused.

    Raises `BudgetError`, naming `what`, where none is that cheap at width 1.
    """
    found = [_widest(make, measure, example, budget, most) for make in makes]
    fitting = [(cost, network) for network, cost in found if network is not None]
    if not fitting:
        cheapest = measure.written(min(cost for _, cost in found))
        raise BudgetError(
            f"{what} of width 1 costs {cheapest}, more than {measure.written(budget)}; leave this baseline out"
        )
    return max(fitting, key=lambda each: each[0])[1]


def _widest(
    make: MakeAtWidth, measure: Measure, example: Tensor, budget: float, most: int
) -> tuple[nn.Module | None, float]:
    """The widest network within `budget`, None where width 1 is too dear, and what it costs: widths double, then are halved."""

    def of(width: int) -> tuple[nn.Module, float]:
        network = make(width)
        return network, measure.of_model(network.eval(), example)

    network, cost = of(1)
    if cost > budget:
        return None, cost
    low, high, step = 1, most + 1, 1  # low fits, high does not or is not allowed
    while high - low > 1:
        middle = min(low + step, (low + high) // 2) if step else (low + high) // 2
        wider, price = of(middle)
        if price <= budget:
            low, network, cost, step = middle, wider, price, 2 * step
        else:
            high, step = middle, 0
    return network, cost
