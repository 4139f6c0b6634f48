"""Accuracy against budget over the seeds of one fractional-skipping run, as a Markdown table and a curve.

python benchmarks/budget_curve.py runs/fractional-skipping/cifar10-small-* [--to docs/figures/curve.svg]

A folder is a run's with its seeds in it. The table has mean and sample standard deviation of every arm; the curve has the one
network moved to other budgets, those trained at one, and the static arms. Nothing is trained here.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

ACCURACY, GATED, WHOLE = "test_accuracy_percent", "gated_cost_percent", "whole_cost_percent"
STATIC = ("int8", "int4", "modal", "random", "skipnet", "early-exit")


class Arm(NamedTuple):
    """One arm over all seeds: accuracies and costs in %, a value a seed."""

    name: str
    accuracy: list[float]
    gated: list[float]
    whole: list[float]

    @property
    def spread(self) -> float:
        return stdev(self.accuracy) if len(self.accuracy) > 1 else 0.0

    @property
    def trained(self) -> bool:
        return self.name.startswith("fractional")


def read(folder: Path) -> list[Arm]:
    """The arms that every finished seed of a run has."""
    paths = sorted(folder.glob("seed-*/result.json"))
    if not paths:
        raise SystemExit(f"{folder}: no seed-*/result.json in it; give the folder of a finished run")
    runs = [{arm["name"]: arm for arm in json.loads(path.read_text())["arms"]} for path in paths]
    names = [name for name in runs[0] if all(name in run for run in runs)]
    return [
        Arm(
            name,
            [run[name]["measured"][ACCURACY] for run in runs],
            [run[name]["counted"][GATED] for run in runs],
            [run[name]["counted"][WHOLE] for run in runs],
        )
        for name in names
    ]


def show(arms: Sequence[Arm]) -> None:
    print("| arm | test accuracy | cost of the gated blocks | of the whole network |\n|---|---|---|---|")
    for arm in arms:
        costs = ", ".join(f"{each:.1f}" for each in arm.gated)
        print(f"| {arm.name} | {mean(arm.accuracy):.2f} ± {arm.spread:.2f} % | {costs} % | {mean(arm.whole):.0f} % |")


def draw(arms: Sequence[Arm], path: Path) -> None:
    """The curve as a picture; bars are one sample standard deviation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()

    def points(chosen: Sequence[Arm], style: str, label: str) -> None:
        chosen = sorted(chosen, key=lambda arm: mean(arm.whole))
        costs, heights = [mean(arm.whole) for arm in chosen], [mean(arm.accuracy) for arm in chosen]
        axes.errorbar(costs, heights, [arm.spread for arm in chosen], fmt=style, capsize=3, label=label)

    middle = [arm for arm in arms if arm.name == "fractional"]
    points([arm for arm in arms if arm.name.startswith("moved")] + middle, "o-", "one network, moved")
    points([arm for arm in arms if arm.trained], "s", "trained at its budget")
    for arm in arms:
        if arm.name in STATIC:
            points([arm], "^", arm.name)
    axes.set_xlabel("cost of the whole network, % of int8")
    axes.set_ylabel("test accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", ncols=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    print(f"the curve: {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--to", type=Path, help="a picture file, .svg or .png")
    options = parser.parse_args()
    arms = read(options.folder)
    show(arms)
    if options.to is not None:
        draw(arms, options.to)


if __name__ == "__main__":
    main()
