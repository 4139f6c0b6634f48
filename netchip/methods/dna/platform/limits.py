"""Hard budgets: a pair that keeps every limit, or a refusal that names what binds, by how much, and what is nearest."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from netchip.errors import BudgetError, RequestError
from netchip.hardware.search.exact import BANDWIDTH, Tables
from netchip.methods.dna.platform.platform import Design, PairReport, Platform
from netchip.workload.network import Workload


@dataclass(frozen=True)
class MatchedDesign:
    """An accelerator that keeps every limit, and what a network takes on it."""

    design: Design
    report: PairReport


@runtime_checkable
class Explaining(Protocol):
    """A platform that can say what would have to give."""

    def advice(self, workload: Workload, report: PairReport) -> str:
        """What would make a pair keep its limits, as the end of a sentence."""
        ...


def matched(platform: Platform, workload: Workload, *, start: Design | None = None) -> MatchedDesign:
    """The best accelerator for a given network, targets of pace included.

    Raises `BudgetError` where nothing keeps every limit: it names each that is broken, by how much, the nearest feasible point, and
    which limit raised alone would do.
    """
    design = platform.best(workload, start=start)
    report = platform.report(design, workload)
    if report.over:
        raise BudgetError(_shortfall(platform, workload, report))
    return MatchedDesign(design, report)


def require_accuracy(accuracy: float, floor: float, report: PairReport) -> None:
    """Raises `BudgetError` where a network's accuracy (0 to 1) is below the floor: by how much, and at which pace it was found."""
    if not 0 <= floor <= 1:
        raise RequestError(f"accuracy floor = {floor}: give a share from 0 to 1")
    if accuracy < floor:
        raise BudgetError(
            f"an accuracy of {floor:.2%} is not reached: the best network found within the limits of {report.platform} has "
            f"{accuracy:.2%}, {100 * (floor - accuracy):.2f} points short, at {report.fps:,.1f} frames a second; lower the floor, "
            "train longer, or allow more"
        )


def contradiction(tables: Tables) -> str:
    """A sentence's end where each limit could be kept alone, though not all together; else nothing."""
    finite = [name for name, limit in tables.limits.items() if np.isfinite(limit)]
    alone = [name for name in finite if _keeps_alone(tables, name)]
    if len(finite) < 2 or alone != finite:
        return ""
    return f"; each of {', '.join(finite)} can be kept alone, so that together they contradict each other"


def advice_of(tables: Tables, cycles: float) -> str:
    """Which limit, raised alone, lets a pipeline take at most so many cycles; what the pace is without any limit else."""
    found: list[str] = []
    for name, limit in {**tables.limits, BANDWIDTH: tables.bandwidth_bits_per_cycle}.items():
        need = tables.needed(name, cycles) if np.isfinite(limit) else None
        if need is not None and need > limit:
            found.append(f"{name} {need:,.5g} instead of {limit:,.5g}")
    if found:
        return f"it would be reached with {', or with '.join(found)}"
    free = tables.best(dict.fromkeys(tables.limits, float("inf"))).cost
    if free <= cycles:
        return "no one limit raised alone reaches it; raise several, or ask for less"
    return (
        f"even without limits on resources this space takes {free:,.0f} cycles a frame where {cycles:,.0f} are asked for; make the "
        "network smaller, give the space more options, or ask for less"
    )


def _keeps_alone(tables: Tables, name: str) -> bool:
    others = {other: float("inf") for other in tables.limits if other != name}
    need = tables.needed(name, float("inf"), others)
    return need is not None and need <= tables.limits[name]


def _shortfall(platform: Platform, workload: Workload, report: PairReport) -> str:
    parts = [_broken(name, report) for name in report.over]
    used = [f"{name} {report.usage[name]:,.6g} of {limit:,.6g}" for name, limit in report.limits.items() if limit]
    advice = (
        platform.advice(workload, report) if isinstance(platform, Explaining) else "allow more, or change the space"
    )
    return (
        f"on {report.platform} this network does not keep {' nor '.join(parts)}; the nearest design ({report.bound_by} sets its "
        f"pace) takes {', '.join(used)}; {advice}"
    )


def _broken(name: str, report: PairReport) -> str:
    limit, used, over = report.limits[name], report.usage[name], report.over[name]
    if name == "frame_s":
        return f"{1 / limit:,.6g} frames a second (it reaches {1 / used:,.6g}, {over:.1%} too slow)"
    return f"{name} = {limit:,.6g} (it takes {used:,.6g}, {over:.1%} too much)"
