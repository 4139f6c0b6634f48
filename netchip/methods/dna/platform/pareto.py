"""A sweep over targets of pace or energy-delay, each begun from the nearest solved one: accuracy, pace, slices, energy."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from netchip.errors import BudgetError, DataError, RequestError
from netchip.files import read_value, write_atomic, write_json
from netchip.hardware.search.front import undominated
from netchip.methods.dna.platform.designs import design_from_json
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.platform import Design, PairReport
from netchip.workload.network import Workload

CSV, FIGURE = "pareto.csv", "pareto.json"
Asked = Literal["fps", "edp_uj_s"]
"""What a target is of: frames a second, at least; energy x latency of a frame in uJ s, at most."""

PJ_S_IN_UJ_S = 1e6


@dataclass(frozen=True, eq=False)
class SolvedTarget:
    """What a search at one target came to. `accuracy` from 0 to 1."""

    accuracy: float
    design: Design
    report: PairReport


@dataclass(frozen=True)
class Start:
    """The solved target that is nearest, and its design."""

    target: float
    design: Design


@dataclass(frozen=True, kw_only=True)
class FrontPoint:
    """A target and what was reached; `refused` says why nothing was. `accuracy` from 0 to 1, `edp_uj_s` in uJ s.

    `on_front`: no other is as good in everything. What a platform does not count (slices of a hierarchy, energy on an FPGA) is
    nothing.
    """

    target: float
    asked: Asked = "fps"
    accuracy: float | None = None
    fps: float | None = None
    dsp: float | None = None
    energy_pj: float | None = None
    latency_s: float | None = None
    edp_uj_s: float | None = None
    on_front: bool = False
    refused: str = ""


Solve = Callable[[float, Start | None], SolvedTarget]


def sweep(
    targets: Sequence[float], solve: Solve, *, asked: Asked = "fps", folder: Path | None = None
) -> tuple[FrontPoint, ...]:
    """`solve(target, start)` at each target, the loosest first, from the nearest one that is solved.

    A target that raises `BudgetError` is kept with its refusal. With a `folder` each point is written when it is found and read
    again by a later call, and a CSV and a figure are written at the end. Raises `RequestError` for targets that are none.
    """
    if not targets or not all(0 < each < math.inf for each in targets):
        unit = "frames a second" if asked == "fps" else "uJ s"
        raise RequestError(f"targets = {list(targets)}: give {unit} above 0, at least one")
    points: list[FrontPoint] = []
    designs: dict[float, Design] = {}
    for target in sorted(set(targets), reverse=asked == "edp_uj_s"):
        point, design = _point(target, asked, solve, _nearest(designs, target), folder)
        points.append(point)
        if design is not None:
            designs[target] = design
    found = _with_front(points)
    if folder is not None:
        write_atomic(folder / CSV, points_csv(found))
        write_json(folder / FIGURE, points_figure(found))
    return found


def points_csv(points: Sequence[FrontPoint]) -> str:
    """A row a point; empty where there is nothing."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(FrontPoint.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(point) for point in points)
    return text.getvalue()


def points_figure(points: Sequence[FrontPoint]) -> dict[str, Any]:
    """Accuracy over what was asked for, points on the front apart, as a figure that `report` draws."""
    asked = points[0].asked
    reached = [point for point in points if point.accuracy is not None]
    series = [
        {
            "name": name,
            "x": [getattr(point, asked) for point in reached if point.on_front == on],
            "y": [100 * (point.accuracy or 0.0) for point in reached if point.on_front == on],
            "labels": [f"{point.target:g} asked" for point in reached if point.on_front == on],
        }
        for name, on in (("on the front", True), ("behind it", False))
    ]
    return {
        "kind": "scatter",
        "title": f"Accuracy against {'pace' if asked == 'fps' else 'energy-delay'}, a search for each target",
        "x_label": "frames a second" if asked == "fps" else "energy x latency, uJ s",
        "y_label": "accuracy, %",
        "series": [each for each in series if each["x"]],
    }


def points_table(points: Sequence[FrontPoint]) -> dict[str, Any]:
    """A row a target, as a figure that `report` draws; "-" where a platform counts nothing, or where it was refused."""
    quantities = {"fps": 1.0, "dsp": 1.0, "energy_pj": 1e-6, "edp_uj_s": 1.0}
    rows = [
        [
            f"{point.target:,.6g}",
            "-" if point.accuracy is None else f"{100 * point.accuracy:.2f} %",
            *(_cell(getattr(point, name), factor) for name, factor in quantities.items()),
            "refused" if point.refused else "yes" if point.on_front else "no",
        ]
        for point in points
    ]
    heads = ["target", ">accuracy", ">frames a second", ">DSP", ">energy, uJ", ">EDP, uJ s", "on the front"]
    return {"kind": "table", "title": "A pair for each target", "columns": heads, "rows": rows}


def paces(platform: FpgaPlatform, workload: Workload, resource: str, amounts: Sequence[float]) -> dict[float, float]:
    """The most frames a second of a network under each amount of one resource, exact; 0 where nothing fits.

    Designs are priced once. Raises `RequestError` where layers are not assigned by map size.
    """
    if platform.assigning != "map-size":
        raise RequestError(f"assigning = {platform.assigning!r}: only the assignment by map size can be listed in full")
    tables, clock = platform.tables(workload), platform.board.frequency_hz.value
    found: dict[float, float] = {}
    for amount in amounts:
        try:
            found[amount] = clock / tables.best({resource: amount}).cost
        except BudgetError:
            found[amount] = 0.0
    return found


def _cell(value: float | None, factor: float) -> str:
    return "-" if value is None else f"{factor * value:,.4g}"


def _point(
    target: float, asked: Asked, solve: Solve, start: Start | None, folder: Path | None
) -> tuple[FrontPoint, Design | None]:
    path = None if folder is None else folder / f"target-{target:g}.json"
    if path is not None and path.is_file():
        return read_value(path, _read, "a point of a sweep")
    design = None
    try:
        solved = solve(target, start)
        design, report = solved.design, solved.report
        point = FrontPoint(
            target=target,
            asked=asked,
            accuracy=solved.accuracy,
            fps=report.fps,
            dsp=report.usage.get("dsp"),
            energy_pj=report.energy_pj,
            latency_s=report.latency_s,
            edp_uj_s=None if report.edp_pj_s is None else report.edp_pj_s / PJ_S_IN_UJ_S,
        )
    except BudgetError as error:
        point = FrontPoint(target=target, asked=asked, refused=str(error))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"point": asdict(point), "design": None if design is None else design.to_json()})
    return point, design


def _read(data: dict[str, Any]) -> tuple[FrontPoint, Design | None]:
    try:
        design = data["design"]
        return FrontPoint(**data["point"]), None if design is None else design_from_json(design)
    except (KeyError, TypeError) as error:
        raise DataError(f"this is no point of a sweep: {error}") from None


def _nearest(designs: dict[float, Design], target: float) -> Start | None:
    if not designs:
        return None
    near = min(designs, key=lambda each: abs(math.log(each / target)))
    return Start(near, designs[near])


def _with_front(points: Sequence[FrontPoint]) -> tuple[FrontPoint, ...]:
    """The points with those marked that no other is at least as good as in accuracy, pace, slices and energy."""
    reached = [place for place, point in enumerate(points) if point.accuracy is not None]
    if not reached:
        return tuple(points)
    rows = [
        (-(point.accuracy or 0.0), -(point.fps or 0.0), point.dsp or 0.0, point.energy_pj or 0.0)
        for point in (points[place] for place in reached)
    ]
    kept = {reached[int(place)] for place in undominated(np.array(rows).T)}
    return tuple(FrontPoint(**{**asdict(point), "on_front": place in kept}) for place, point in enumerate(points))
