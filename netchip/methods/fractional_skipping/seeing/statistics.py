"""What routes say: how often each option is taken, how much a decision depends on its input, what inputs cost. No torch.

A decision is a function of the input, so the information that a block's decision carries about the input is its entropy: 0
where all inputs take one option, which a static network would do as well. How much of that is about the class is told apart.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.workload import rates_of

_PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class CostSpread:
    """Costs of inputs as shares of the reference: their mean, percentiles and largest."""

    mean: float
    p50: float
    p95: float
    p99: float
    largest: float


@dataclass(frozen=True, eq=False)
class RouteStatistics:
    """Of N routes through L blocks with K options.

    `shares` [L, K]: how often each block took each option. `modal` [L]: the option that each took most. `entropy_bits` [L]: of
    each block's decision. `depends` [L]: whether at least `least_share` of the inputs do not take the modal option.
    `distinct_routes`: how many different ones there are; `route_entropy_bits`: of whole routes, at most log2 N.
    `class_bits` [L]: information about the class, corrected for the number of inputs. `class_costs` [C, L]: the mean cost of each
    block as a share of its reference, by class; both None without labels. `costs` [N]: shares of the reference.
    """

    table: CostTable
    shares: np.ndarray
    modal: np.ndarray
    entropy_bits: np.ndarray
    depends: np.ndarray
    distinct_routes: int
    route_entropy_bits: float
    costs: np.ndarray
    spread: CostSpread
    class_bits: np.ndarray | None = None
    class_costs: np.ndarray | None = None

    @property
    def dependent_blocks(self) -> int:
        """How many blocks depend on the input."""
        return int(self.depends.sum())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "blocks": list(self.table.blocks),
            "options": list(self.table.options.names),
            "shares": self.shares.round(6).tolist(),
            "modal": [self.table.options.names[option] for option in self.modal],
            "entropy_bits": self.entropy_bits.round(6).tolist(),
            "class_bits": None if self.class_bits is None else self.class_bits.round(6).tolist(),
            "depends": self.depends.tolist(),
            "distinct_routes": self.distinct_routes,
            "route_entropy_bits": round(self.route_entropy_bits, 6),
            "cost": {name: round(value, 6) for name, value in vars(self.spread).items()},
        }


def route_statistics(
    routes: Any, table: CostTable, labels: Any = None, *, least_share: float = 0.05
) -> RouteStatistics:
    """Statistics of routes [N, L] of option indices, and of `labels` [N] where there are any.

    Raises `ConfigError` for routes that do not fit the table, or labels of another length.
    """
    measured = np.asarray(routes)
    shares = rates_of(measured, table.options)
    if shares.shape != table.costs.shape:
        raise ConfigError(f"routes of {measured.shape[1]} blocks; the table has {len(table.blocks)}")
    costs = table.gated(measured)
    _, counts = np.unique(measured, axis=0, return_counts=True)
    found = None if labels is None else _classes(np.asarray(labels), len(measured))
    return RouteStatistics(
        table=table,
        shares=shares,
        modal=shares.argmax(1),
        entropy_bits=entropy_bits(shares),
        depends=shares.max(1) <= 1 - least_share,
        distinct_routes=len(counts),
        route_entropy_bits=float(entropy_bits(counts / len(measured))),
        costs=costs,
        spread=cost_spread(costs),
        class_bits=None if found is None else _class_bits(measured, found),
        class_costs=None if found is None else _class_costs(measured, found, table),
    )


def cost_spread(costs: np.ndarray) -> CostSpread:
    """Of shares [N]; a percentile is a cost that some input has."""
    p50, p95, p99 = (float(each) for each in np.percentile(costs, _PERCENTILES, method="inverted_cdf"))
    return CostSpread(float(costs.mean()), p50, p95, p99, float(costs.max()))


def entropy_bits(shares: np.ndarray) -> np.ndarray:
    """Entropy over the last axis, in bits."""
    logs = np.log2(shares, out=np.zeros_like(shares, dtype=float), where=shares > 0)
    return np.abs((shares * logs).sum(-1))


def information_bits(options: np.ndarray, labels: np.ndarray) -> float:
    """Mutual information of two columns [N] in bits, less what chance gives so few inputs (Miller and Madow); at least 0."""
    counts = np.zeros((int(options.max()) + 1, int(labels.max()) + 1))
    np.add.at(counts, (options, labels), 1)
    joint = counts / counts.sum()
    apart = entropy_bits(joint.sum(1)) + entropy_bits(joint.sum(0)) - entropy_bits(joint.ravel())
    taken, seen, both = (int((each > 0).sum()) for each in (joint.sum(1), joint.sum(0), joint))
    chance = (both - taken - seen + 1) / (2 * len(options) * np.log(2))
    return max(0.0, float(apart - chance))


def extremes(costs: np.ndarray, losses: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the cheapest and of the dearest inputs, the most extreme first; of equal cost the surer, and the less sure."""
    order = np.lexsort((losses, costs.round(9)))
    return order[:count], order[::-1][:count]


def _classes(labels: np.ndarray, inputs: int) -> np.ndarray:
    if labels.shape != (inputs,):
        raise ConfigError(f"labels of shape {labels.shape} for {inputs} routes; give one each")
    return labels


def _class_bits(routes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.array([information_bits(column, labels) for column in routes.T])


def _class_costs(routes: np.ndarray, labels: np.ndarray, table: CostTable) -> np.ndarray:
    """[C, L]; NaN for a class that no input has."""
    own = table.costs / table.costs[:, -1:]
    of_inputs = own[np.arange(len(table.blocks)), routes]
    means = np.full((int(labels.max()) + 1, len(table.blocks)), np.nan)
    for label in np.unique(labels):
        means[label] = of_inputs[labels == label].mean(0)
    return means
