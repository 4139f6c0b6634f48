"""Figures of routes, as the plain values that a report draws. No torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netchip.methods.fractional_skipping.seeing.statistics import RouteStatistics

Figure = dict[str, Any]


def option_shares(found: RouteStatistics, what: str) -> Figure:
    """For each block the share of inputs under each option: the paper's figures 12 to 15."""
    series = [
        {"name": option, "values": (100 * found.shares[:, index]).round(3).tolist()}
        for index, option in enumerate(found.table.options.names)
    ]
    return {
        "kind": "bars",
        "title": f"Options taken in each block, {what}",
        "y_label": "% of the inputs",
        "categories": list(found.table.blocks),
        "series": series,
        "stacked": True,
    }


def blocks_over_budgets(found: Mapping[str, RouteStatistics]) -> Figure:
    """What each block costs on average at each budget, in per cent of its own reference."""
    table = next(iter(found.values())).table
    own = table.costs / table.costs[:, -1:]
    return {
        "kind": "heatmap",
        "title": "Mean cost of each block over budgets, in per cent of the block at full cost",
        "x_label": "block",
        "y_label": "budget",
        "x": list(table.blocks),
        "y": list(found),
        "values": [(100 * (own * each.shares).sum(1)).round(3).tolist() for each in found.values()],
    }


def cost_by_class(found: RouteStatistics, names: Sequence[str]) -> Figure | None:
    """What each block costs on average for inputs of each class; None without labels."""
    if found.class_costs is None:
        return None
    return {
        "kind": "heatmap",
        "title": "Mean cost of each block by class, in per cent of the block at full cost",
        "x_label": "block",
        "y_label": "class",
        "x": list(found.table.blocks),
        "y": list(names[: len(found.class_costs)]),
        "values": [[None if np.isnan(each) else round(100 * each, 3) for each in row] for row in found.class_costs],
    }


def cost_distribution(found: RouteStatistics, what: str) -> Figure:
    """The share of inputs that cost at most so much, with the 50th, 95th and 99th percentile."""
    costs, counts = np.unique((100 * found.costs).round(4), return_counts=True)
    below = (100 * counts.cumsum() / counts.sum()).round(4)
    spread = found.spread
    marks = [("p50", spread.p50), ("p95", spread.p95), ("p99", spread.p99)]
    return {
        "kind": "line",
        "title": f"What inputs cost, {what}",
        "x_label": "cost of the gated blocks, % of the reference",
        "y_label": "% of the inputs at or below",
        "series": [{"name": "inputs", "x": [float(costs[0]), *costs.tolist()], "y": [0.0, *below.tolist()]}],
        "marks": [{"x": round(100 * value, 4), "label": label} for label, value in marks],
    }


def decision_bits(found: RouteStatistics) -> Figure:
    """For each block what its decision says about the input, and of that about the class, in bits."""
    series = [{"name": "about the input", "values": found.entropy_bits.round(4).tolist()}]
    if found.class_bits is not None:
        series.append({"name": "about the class", "values": found.class_bits.round(4).tolist()})
    return {
        "kind": "bars",
        "title": "Information in each block's decision",
        "y_label": "bits",
        "categories": list(found.table.blocks),
        "series": series,
    }


def accuracy_against_budget(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Accuracy over cost, both in per cent: (share of the reference, accuracy in per cent) of each arm's points."""
    series = []
    for name, points in curves.items():
        ordered = sorted(points)
        xs, ys = [round(100 * share, 4) for share, _ in ordered], [round(accuracy, 4) for _, accuracy in ordered]
        series.append({"name": name, "x": xs, "y": ys})
    return {
        "kind": "line",
        "title": "Accuracy against cost",
        "x_label": "cost of the gated blocks, % of the reference",
        "y_label": "accuracy on the test set, %",
        "series": series,
    }
