"""`cost_within`: a network's cost under mappings that meet a budget, stalls and calibration counted, where such are found."""

from dataclasses import replace

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.budget import Budget
from netchip.hardware.cost import evaluate
from netchip.hardware.cost_report import CostReport
from netchip.hardware.mapper.mappers import EvolutionaryMapper, Mapper
from netchip.hardware.mapper.objective import Objective
from netchip.hardware.mapping_batch import MappingBatch
from netchip.hardware.network_cost import Progress, cost
from netchip.workload.network import Workload

ROUNDS = 4
"""Searches at most, the last for the least of what is over."""

_MARGIN = 0.999
_SEARCH = EvolutionaryMapper()
_ENDS: dict[str, Objective] = {"latency_s": "latency", "energy_pj": "energy", "edp_pj_s": "edp"}


def cost_within(
    workload: Workload,
    accelerator: Accelerator,
    budget: Budget,
    *,
    mapper: Mapper = _SEARCH,
    calibrated: bool = False,
    cached: bool = True,
    ahead: bool = False,
    progress: Progress | None = None,
) -> CostReport:
    """The report of `cost` that is least over the budget, of a few searches.

    A search goes by the plain bound, so what it finds within a budget may be over it once stalls and calibration count. It is then
    repeated for limits that are lower by as much; if that does not help, for the least of what is over. The report may
    still be over: `Budget.require(report.totals(), ...)` tells. `ahead` and what is raised are those of `cost`.
    """
    aim: Objective = budget
    tried: list[CostReport] = []
    for left in reversed(range(ROUNDS)):
        report = cost(
            workload,
            accelerator,
            mapper=mapper,
            objective=aim,
            calibrated=calibrated,
            cached=cached,
            ahead=ahead,
            progress=progress,
        )
        over = [name for name in budget.violations(report.totals()) if name in _ENDS]
        known = any(_mappings(report) == _mappings(before) for before in tried)
        tried.append(report)
        if not over or not isinstance(aim, Budget):
            break
        aim = (
            _ENDS[over[0]] if known or left == 1 else _lower(aim, budget, report, _bound(workload, accelerator, report))
        )
    return replace(min(tried, key=lambda each: sum(budget.violations(each.totals()).values())), objective=budget)


def _mappings(report: CostReport) -> list[str]:
    return [str(layer.mapping) for layer in report.layers]


def _bound(workload: Workload, accelerator: Accelerator, report: CostReport) -> dict[str, float]:
    """What the search believed of a report's mappings: totals by the plain bound, without calibration."""
    mappings = [layer.mapping for layer in report.layers]
    costs = evaluate(workload.layers, accelerator, MappingBatch.of(mappings, accelerator, layers=range(len(mappings))))
    rows = [costs.row(index) for index in range(len(mappings))]
    energy, latency = sum(row.energy_pj for row in rows), sum(row.cycles for row in rows) / accelerator.frequency_hz
    return {"energy_pj": energy, "latency_s": latency, "edp_pj_s": energy * latency}


def _lower(aim: Budget, budget: Budget, report: CostReport, believed: dict[str, float]) -> Budget:
    """The aim with the limit of what is over lowered by as much as the report lies above it."""
    totals, limits = report.totals(), aim.limits
    for name in set(budget.violations(totals)) & set(believed):
        limits[name] = min(limits[name], believed[name]) * budget.limits[name] / totals[name] * _MARGIN
    return Budget.parse(limits)
