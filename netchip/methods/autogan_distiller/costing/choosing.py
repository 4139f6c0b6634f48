"""From a written budget to the measure it is in, to the network that meets it; and random networks of equal cost beside it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import BudgetError, ConfigError
from netchip.hardware.accelerator import Accelerator
from netchip.methods.autogan_distiller.costing.budgets import MeasureName, TargetBudget
from netchip.methods.autogan_distiller.costing.exact import Found, best, require_reachable
from netchip.methods.autogan_distiller.costing.latency import MeasuredLatency
from netchip.methods.autogan_distiller.costing.measures import Bytes, Macs, Measure, Parameters
from netchip.methods.autogan_distiller.costing.modelled import Modelled
from netchip.methods.autogan_distiller.costing.sampling import Sampler
from netchip.methods.autogan_distiller.costing.stages import Scores
from netchip.methods.autogan_distiller.costing.table import CostTable, cost_table
from netchip.methods.autogan_distiller.space.space import Space
from netchip.workload.shape import Pair

_TRIES = 8
_DRAWS = 10_000


def make_measure(
    name: MeasureName, *, device: str = "cpu", threads: int = 1, bits: int = 32, chip: Accelerator | None = None
) -> Measure:
    """The measure of a budget. `bits` is what a weight is stored with. Raises `ConfigError` for a modelled one without a chip."""
    if name in ("energy", "modelled_latency"):
        if chip is None:
            raise ConfigError(
                f"{name}: a budget of energy or modelled latency needs a chip; name one of `netchip list`"
            )
        return Modelled(chip, "energy_pj" if name == "energy" else "latency_s")
    if name == "latency":
        return MeasuredLatency(device=device, threads=threads)
    return Bytes(bits) if name == "bytes" else Parameters() if name == "parameters" else Macs()


@dataclass(frozen=True, eq=False)
class Target:
    """A budget made definite: the costs of a space for one image size, and the most a network may cost.

    `teacher` is what the teacher costs in that measure, None where that is not known.
    """

    table: CostTable
    budget: float
    teacher: float | None


def make_target(
    space: Space, budget: TargetBudget, measure: Measure, image: Pair, teacher: nn.Module | None = None
) -> Target:
    """The target of a budget, before any training. `image` is (height, width) of what goes in.

    Raises `BudgetError`, with the smallest and the largest of the space, where none meets it; `ConfigError` for a share of a
    teacher that is no torch module.
    """
    example = torch.zeros(1, space.inputs, *image)
    if teacher is not None:
        example = example.to(next(iter(teacher.parameters()), example).device)
    cost = None if teacher is None else measure.of_model(teacher, example)
    table, most = cost_table(space, measure, image), budget.of(cost)
    require_reachable(table, most)
    return Target(table, most, cost)


def best_measured(target: Target, scores: Scores, example: Tensor) -> Found:
    """The best network of a target; where latency is measured, that of the whole network is what must keep to the budget.

    Operators' latencies add up only about, so the sum's budget is lowered until the network that is best under it is quick
    enough, measured as a whole. Its `cost` is then what was measured. Raises `BudgetError` where even the last try was not.
    """
    found = best(target.table, scores, target.budget)
    if not isinstance(target.table.measure, MeasuredLatency):
        return found
    allowed, taken = target.budget, 0.0
    for _ in range(_TRIES):
        taken = target.table.measure.of_model(target.table.space.derive(found.architecture), example)
        if taken <= target.budget:
            return replace(found, cost=taken)
        allowed = min(allowed * target.budget / taken, found.cost * (1 - 1e-6))
        found = best(target.table, scores, allowed)
    write = target.table.measure.written
    raise BudgetError(
        f"latency = {write(target.budget)}: after {_TRIES} tries the whole network still took {write(taken)}; allow more"
    )


def random_networks(table: CostTable, budget: float, count: int, *, seed: int, least: float = 0.95) -> list[Found]:
    """`count` different networks drawn at random among those that cost `least` to 1 times the budget: the baseline of a search.

    Every such network is equally likely. Raises `BudgetError` where there are too few.
    """
    require_reachable(table, budget)
    found: dict[str, Found] = {}
    for each in _draws(table, budget, least, np.random.default_rng(seed)):
        found.setdefault(str(each.architecture.to_json()), each)
        if len(found) == count:
            return list(found.values())
    write = table.measure.written
    raise BudgetError(
        f"only {len(found)} of {count} networks between {write(least * budget)} and {write(budget)} were found in space "
        f"{table.space.name!r}; ask for fewer, or for a wider range"
    )


def _draws(table: CostTable, budget: float, least: float, rng: np.random.Generator) -> Iterator[Found]:
    """Those in the range, of networks drawn with a chance that falls with cost so that their mean lies in it.

    Networks of nearly one cost are drawn with nearly one chance; what is left of the difference is taken away by rejection.
    """
    sampler = Sampler(table, (1 + least) / 2 * budget)
    for _ in range(_DRAWS):
        each = sampler.draw(rng)
        if least * budget <= each.cost <= budget and rng.random() <= sampler.even(each.cost, least * budget, budget):
            yield each
