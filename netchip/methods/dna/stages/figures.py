"""The figures of a run, as data that `report` draws."""

from collections.abc import Sequence
from typing import Any

from netchip.files import write_json
from netchip.methods.dna.platform.platform import PairReport
from netchip.methods.dna.stages.judging import Judged
from netchip.methods.dna.stages.stages import Searched, Stages
from netchip.methods.method import Arm

FOLDER = "figures"


def write_figures(stages: Stages, judged: Sequence[Judged], arms: Sequence[Arm], report: PairReport) -> None:
    """Writes `figures/*.json`: accuracy against pace, cycles of parts, and how the search went."""
    figures = {"accuracy_against_pace": accuracy_against_pace(arms), "parts": parts(report)}
    searched = judged[0].searched
    if searched is not None:
        figures["search"] = search(searched, stages.platform.target)
    for name, figure in figures.items():
        write_json(stages.folder / FOLDER / f"{name}.json", figure)


def accuracy_against_pace(arms: Sequence[Arm]) -> dict[str, Any]:
    """Test accuracy over modelled frames a second, every arm."""
    return {
        "kind": "scatter",
        "title": "Test accuracy against modelled pace",
        "x_label": "frames a second",
        "y_label": "test accuracy, %",
        "series": [
            {
                "name": arm.name,
                "x": [arm.modelled["fps"]],
                "y": [arm.measured["test_accuracy_percent"]],
                "labels": [arm.name],
            }
            for arm in arms
        ],
    }


def parts(report: PairReport) -> dict[str, Any]:
    """Cycles of a frame on each part of the accelerator."""
    return {
        "kind": "bars",
        "title": f"{report.platform}: cycles of a frame, bound by {report.bound_by}",
        "y_label": "cycles",
        "categories": [part.name for part in report.parts],
        "series": [{"name": "cycles", "values": [part.cycles for part in report.parts]}],
    }


def search(searched: Searched, target: float) -> dict[str, Any]:
    """The mean network's cost over the target (over its first value without one), by epoch."""
    rows = searched.result.history
    scale = target if target < float("inf") else rows[0]["mean_cost"]
    epochs = [row["epoch"] + 1 for row in rows]
    return {
        "kind": "line",
        "title": "The mean network's cost during the search",
        "x_label": "epoch",
        "y_label": "mean cost / target",
        "series": [
            {"name": "mean cost / target", "x": epochs, "y": [row["mean_cost"] / scale for row in rows]},
        ],
    }
