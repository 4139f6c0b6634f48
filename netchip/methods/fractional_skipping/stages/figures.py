"""The figures a run leaves for its report. Plain JSON, drawn elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from netchip.data.images import ImageClasses
from netchip.files import write_json
from netchip.methods.fractional_skipping.seeing import figures
from netchip.methods.fractional_skipping.seeing.pictures import pictures
from netchip.methods.fractional_skipping.seeing.recording import Recorded
from netchip.methods.fractional_skipping.seeing.statistics import RouteStatistics, extremes
from netchip.methods.fractional_skipping.stages.evaluation import Moved
from netchip.methods.fractional_skipping.stages.trained import OURS, Outcome, Trained

_PICTURES = 12
_MOST = 1.2  # shares above are not on the axis


def write_figures(
    folder: Path,
    outcomes: Sequence[Outcome],
    moved: Sequence[Moved],
    statistics: Mapping[str, RouteStatistics],
    data: ImageClasses,
) -> None:
    """Writes `folder`/figures/*.json; `statistics` by the cost they belong to, our first arm's first."""
    [(what, first), *_] = statistics.items()
    ours = next(each for each in outcomes if each.name == OURS)
    written = {
        "1-accuracy-against-cost": figures.accuracy_against_budget(_points(outcomes, moved)),
        "2-options": figures.option_shares(first, what),
        "3-budgets": figures.blocks_over_budgets(statistics),
        "4-classes": figures.cost_by_class(first, data.classes),
        "5-information": figures.decision_bits(first),
        "6-cost": figures.cost_distribution(first, what),
    }
    if ours.found is not None:
        written |= dict(zip(("7-easiest", "8-hardest"), _extremes(ours, ours.found, data), strict=True))
    for name, figure in written.items():
        if figure is not None:
            write_json(folder / "figures" / f"{name}.json", figure)


def write_training(folder: Path, arms: Mapping[str, Trained]) -> None:
    """Accuracy and cost on the validation part, epoch by epoch."""
    for number, (key, title, label) in enumerate(_TRAINING, 9):
        series = [{"name": name, **_by_epoch(arm, key)} for name, arm in arms.items()]
        figure = {
            "kind": "line",
            "title": title,
            "x_label": "epoch of the joint stage",
            "y_label": label,
            "series": series,
        }
        write_json(folder / "figures" / f"{number}-{key.replace('_', '-')}.json", figure)


_TRAINING = (
    ("validation_accuracy_percent", "Accuracy on the validation part", "accuracy, %"),
    ("validation_cost_percent", "Cost on the validation part", "% of the arm's own reference"),
)


def _by_epoch(arm: Trained, key: str) -> dict[str, list[Any]]:
    rows = arm.phases[-1].history
    return {"x": [row["epoch"] + 1 for row in rows], "y": [row.get(key) for row in rows]}


def _points(outcomes: Sequence[Outcome], moved: Sequence[Moved]) -> dict[str, list[tuple[float, float]]]:
    """One model moved, our own trainings, then each other arm as a point."""
    trained = [each for each in outcomes if each.role == "ours" and each.name.startswith(OURS)]
    curves = {"trained to the budget": [(each.share, each.accuracy_percent) for each in trained]}
    if moved:
        points = [(each.outcome.share, each.outcome.accuracy_percent) for each in moved]
        curves = {"one model, moved": [*points, (trained[0].share, trained[0].accuracy_percent)]} | curves
    others = [each for each in outcomes if each.role == "baseline"]
    lowest = min(share for points in curves.values() for share, _ in points)
    return curves | dict(_beside(each, lowest) for each in others)


def _beside(other: Outcome, lowest: float) -> tuple[str, list[tuple[float, float]]]:
    """A point; an arm that costs far more than the reference is a level line, with its cost in its name."""
    if other.share <= _MOST:
        return other.name, [(other.share, other.accuracy_percent)]
    line = [(share, other.accuracy_percent) for share in (lowest, 1.0)]
    return f"{other.name}, at {100 * other.share:.0f} %", line


def _extremes(ours: Outcome, found: Recorded, data: ImageClasses) -> list[dict[str, Any]]:
    easiest, hardest = extremes(ours.costs, found.losses, _PICTURES)
    titles = ("Easiest: the images that cost least", "Hardest: the images that cost most")
    return [
        pictures(title, data.test.images[which], [_caption(ours, found, int(index), data.classes) for index in which])
        for title, which in zip(titles, (easiest, hardest), strict=True)
    ]


def _caption(ours: Outcome, found: Recorded, index: int, classes: Sequence[str]) -> str:
    label, predicted = int(found.labels[index]), int(found.predictions[index])
    read = "" if label == predicted else f", taken for {_named(classes, predicted)}"
    return f"{_named(classes, label)}: {100 * np.round(ours.costs[index], 4):.3g} %{read}"


def _named(classes: Sequence[str], index: int) -> str:
    return classes[index] if index < len(classes) else str(index)
