"""Pareto fronts: how good networks are against what they cost, over the runs of one task. Seeds count by their mean, so that
no network stands on a front because one seed was lucky."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from netchip.report.compare.seeds import Variant
from netchip.report.compare.standing import Column, chosen_arm, costs_of, device_of, figure_of, quality_of, task_of
from netchip.report.figure import LineSeries, ScatterFigure, ScatterSeries
from netchip.report.quantities import axis_of, label, written
from netchip.report.record import ArmRecord, mean_and_spread

_FEWEST = 3
_WIDE = 3.0
"""Costs that span more than this lie on a logarithmic axis."""
_MOST_NAMED = 8
_FAR, _LEAST_SPAN = 4.0, 1.0
"""A network is far below when it is this many times further below the median than the best is above it, at least so many
points or decibels."""
_GROUPS = (("chosen", "chosen networks"), ("ours", "others of ours"), ("baseline", "baselines"))


@dataclass(frozen=True)
class Point:
    """A network of a variant: mean cost and mean quality over its seeds, the quality's sample standard deviation."""

    name: str
    role: str
    cost: float
    quality: float
    deviation: float | None
    seeds: int


@dataclass(frozen=True)
class Front:
    """All networks of a task by one cost; `on_front` are those that none beats in both, from cheap to good."""

    task: str
    quality: Column
    cost: Column
    device: str
    points: tuple[Point, ...]

    @property
    def on_front(self) -> tuple[Point, ...]:
        """The networks for which no other is both at most as costly and at least as good, and better in one.

        Costs that are equal as written count as equal: a byte less is no merit.
        """
        found: list[Point] = []
        for point in sorted(self.points, key=lambda each: (_as_written(each.cost), -each.quality)):
            if not found or point.quality > found[-1].quality:
                found.append(point)
        return tuple(found)

    @property
    def title(self) -> str:
        """What is compared, and how its cost was come by."""
        place = f" on {self.device}" if self.device else ""
        return f"{self.task}: {label(self.quality[1])} (measured) against {label(self.cost[1])} ({self.cost[0]}{place})"

    @property
    def far_below(self) -> tuple[Point, ...]:
        """Networks so much worse than most that drawing them would press all others together; none that matters here."""
        qualities = [point.quality for point in self.points]
        middle = statistics.median(qualities)
        floor = middle - _FAR * max(max(qualities) - middle, _LEAST_SPAN)
        kept = self.on_front
        return tuple(p for p in self.points if p.quality < floor and p.role != "chosen" and p not in kept)

    def notes(self) -> Iterator[str]:
        """The front in a sentence, and what is not drawn."""
        yield f"On the front, from cheap to good: {self._named(self.on_front)}."
        if far := self.far_below:
            yield f"Below the axis: {self._named(far)}."
        if self.logarithmic and (free := [point for point in self.points if point.cost <= 0]):
            yield f"Left of the axis: {self._named(free)}."

    @property
    def logarithmic(self) -> bool:
        """Whether the costs span so much that equal ratios, not equal differences, should look equal."""
        positive = [point.cost for point in self.points if point.cost > 0]
        return bool(positive) and max(positive) > _WIDE * min(positive)

    def _named(self, points: Iterable[Point]) -> str:
        quality, cost = self.quality[1], self.cost[1]
        return "; ".join(
            f"{each.name}, {written(quality, each.quality)} at {written(cost, each.cost)}" for each in points
        )

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        best = self.on_front
        return {
            "task": self.task,
            "quality": self.quality[1],
            "cost": {"kind": self.cost[0], "name": self.cost[1], **({"device": self.device} if self.device else {})},
            "points": [{**asdict(point), "on_front": point in best} for point in self.points],
        }


def fronts(variants: Sequence[Variant]) -> tuple[Front, ...]:
    """A front for each task, quality and cost that has at least three networks of different costs."""
    found = (front for group in _tasks(variants).values() for front in _of_task(group))
    return tuple(front for front in found if len({point.cost for point in front.points}) >= _FEWEST)


def front_figure(front: Front) -> ScatterFigure:
    """The front as a staircase under the points, names at the chosen networks and those on the front."""
    best = front.on_front
    scale, x_label = axis_of(front.cost[1], max(point.cost for point in front.points))
    drawn = [point for point in front.points if point not in front.far_below]
    named = set(sorted(drawn, key=lambda each: (each not in best, each.role != "chosen"))[:_MOST_NAMED])
    return ScatterFigure(
        kind="scatter",
        title=front.title,
        x_label=x_label,
        y_label=axis_of(front.quality[1], 1.0)[1],
        x_scale="log" if front.logarithmic else "linear",
        y_scale="linear",
        series=tuple(_series(drawn, role, name, scale, named) for role, name in _GROUPS),
        lines=(_staircase(best, scale),),
    )


def _as_written(cost: float) -> float:
    """To three significant digits."""
    return float(f"{cost:.3g}")


def _tasks(variants: Iterable[Variant]) -> dict[tuple[str, Column], list[Variant]]:
    grouped: dict[tuple[str, Column], list[Variant]] = {}
    for variant in variants:
        quality = quality_of(_arms(variant))
        if quality is not None:
            grouped.setdefault((task_of(variant.first), quality), []).append(variant)
    return grouped


def _of_task(variants: Sequence[Variant]) -> Iterator[Front]:
    """The fronts of variants that share their task and the figure of their quality."""
    arms = [arm for variant in variants for arm in _arms(variant)]
    quality = quality_of(arms)
    if quality is None:
        return
    for cost in costs_of(arms):
        timed = cost[0] == "measured" and cost[1].endswith("_ms")
        for device, own in _by_device(variants, timed).items():
            known = [variant for variant in own if any(figure_of(arm, cost) is not None for arm in _arms(variant))]
            points = tuple(point for each in known for point in _points(each, quality, cost, alone=len(known) == 1))
            yield Front(task_of(own[0].first), quality, cost, device, points)


def _arms(variant: Variant) -> Iterator[ArmRecord]:
    return (arm for run in variant.runs for arm in run.result.arms)


def _by_device(variants: Sequence[Variant], timed: bool) -> dict[str, list[Variant]]:
    grouped: dict[str, list[Variant]] = {}
    for variant in variants:
        grouped.setdefault(device_of(variant.first) if timed else "", []).append(variant)
    return grouped


def _points(variant: Variant, quality: Column, cost: Column, *, alone: bool) -> Iterator[Point]:
    chosen = chosen_arm(variant.first)
    for name, arms in variant.arms().items():
        pairs = [(figure_of(arm, cost), figure_of(arm, quality)) for arm in arms]
        whole = [(a, b) for a, b in pairs if a is not None and b is not None]
        if not whole:
            continue
        mean, deviation = mean_and_spread([b for _, b in whole])
        role = "chosen" if chosen is not None and name == chosen.name else _role(arms[0])
        result = variant.first.result
        told = name if alone else f"{name} ({result.method} {result.experiment} {result.config_hash[:4]})"
        yield Point(told, role, mean_and_spread([a for a, _ in whole])[0], mean, deviation, len(whole))


def _role(arm: ArmRecord) -> str:
    return "baseline" if arm.role == "baseline" else "ours"


def _series(points: Sequence[Point], role: str, name: str, scale: float, named: set[Point]) -> ScatterSeries:
    own = [point for point in points if point.role == role]
    return ScatterSeries(
        name=name if own else "",
        x=tuple(point.cost / scale for point in own),
        y=tuple(point.quality for point in own),
        labels=tuple(point.name.split(" (")[0] if point in named else "" for point in own),
        spread=tuple(point.deviation or 0.0 for point in own),
    )


def _staircase(best: Sequence[Point], scale: float) -> LineSeries:
    """Up at each network of the front, along to the next."""
    x = [best[0].cost, *(point.cost for point in best[1:] for _ in range(2))]
    y = [best[0].quality, *(value for pair in pairwise(best) for value in (pair[0].quality, pair[1].quality))]
    return LineSeries(name="front", x=tuple(value / scale for value in x), y=tuple(y))
