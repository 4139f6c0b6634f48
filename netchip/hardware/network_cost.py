"""`cost`: a whole network on a chip, each layer under the mapping that suits the network best."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import DEFAULT, Conventions
from netchip.hardware.cost import Latency, evaluate
from netchip.hardware.cost_report import CostReport, LayerResult
from netchip.hardware.mapper.ahead import searched_ahead
from netchip.hardware.mapper.best import front_for
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.front import Front
from netchip.hardware.mapper.mappers import EvolutionaryMapper, Mapper
from netchip.hardware.mapper.objective import Objective, check_objective
from netchip.hardware.mapper.problem import Problem, problem_of
from netchip.hardware.mapper.selection import chosen
from netchip.hardware.mapper.store import question
from netchip.hardware.mapping import Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.network import Workload

Progress = Callable[[str, int, int], None]
"""Told a layer's name, how many of the searches are done, and how many there are."""

_SEARCH = EvolutionaryMapper()
_FREE = Constraints()


def cost(
    workload: Workload,
    accelerator: Accelerator,
    *,
    mapper: Mapper = _SEARCH,
    objective: Objective = "edp",
    conventions: Conventions = DEFAULT,
    constraints: Constraints = _FREE,
    latency: Latency = "stalls",
    calibrated: bool = False,
    cached: bool = True,
    ahead: bool = False,
    progress: Progress | None = None,
) -> CostReport:
    """Energy, latency and area of a network; layers that are alike are searched once, and where `cached` never again.

    `ahead`: a second process searches from the last layer on, into the cache; the results are the same.

    The search uses the plain bound; the report counts cycles by `latency`. The objective is the network's: "edp" is its total
    energy times its total latency. Under a `Budget` the report may still be over it; `Budget.require(report.totals(), ...)` tells.
    `calibrated`: the totals with the accelerator's calibration.

    Raises `RequestError` where a layer cannot run or no mapping of it fits: it says which memory is too small for what.
    """
    check_objective(objective)
    if calibrated and accelerator.calibration is None:
        raise RequestError(
            f"{accelerator.name} has no calibration; give it one, with its source, or leave calibrated out"
        )
    if not workload.layers:
        raise RequestError("this network has no layer to cost; give one that multiplies")
    own = constraints.applied_to(accelerator)
    problems = [problem_of(layer, accelerator, conventions, constraints) for layer in workload.layers]
    fronts = _fronts(problems, mapper, objective, cached, ahead, progress)
    mappings = _chosen(workload, fronts, objective, accelerator.frequency_hz)
    batch = MappingBatch.of(mappings, own, layers=range(len(mappings)))
    costs = evaluate(workload.layers, own, batch, conventions=conventions, latency=latency)
    results = tuple(
        LayerResult(
            name=layer.name,
            macs=layer.macs,
            mapping=mapping,
            cost=costs.row(index),
            tried=front.tried,
            legal=front.legal,
        )
        for index, (layer, mapping, front) in enumerate(zip(workload.layers, mappings, fronts, strict=True))
    )
    return CostReport(
        accelerator=accelerator.name,
        frequency_hz=accelerator.frequency_hz,
        conventions=conventions.name,
        latency=latency,
        objective=objective,
        layers=results,
        weight_bits=workload.weight_bits,
        area_mm2=area_mm2(accelerator),
        calibration=accelerator.calibration if calibrated else None,
    )


def area_mm2(accelerator: Accelerator) -> float | None:
    """Area of all parts with their wiring; nothing where the accelerator states no areas."""
    table = accelerator.area
    if table is None:
        return None
    memories = sum(table.memories[each.name].mm2 * accelerator.instances(each.name) for each in accelerator.memories)
    return (table.mac.mm2 * accelerator.units + memories) * table.wiring_factor


def _fronts(
    problems: Sequence[Problem],
    mapper: Mapper,
    objective: Objective,
    cached: bool,
    ahead: bool,
    progress: Progress | None,
) -> list[Front]:
    """The front of every problem; those that are alike are searched once."""
    keys = [question(problem, objective, mapper.settings()) for problem in problems]
    different = dict(zip(keys, problems, strict=True))
    searched: dict[str, Front] = {}
    with searched_ahead(list(different.values()), objective, mapper) if ahead and cached else nullcontext():
        for key, problem in zip(keys, problems, strict=True):
            if key not in searched:
                searched[key] = front_for(problem, objective, mapper, cached=cached)
                if progress is not None:
                    progress(problem.layer.name, len(searched), len(different))
    return [searched[key] for key in keys]


def _chosen(workload: Workload, fronts: list[Front], objective: Objective, frequency_hz: float) -> list[Mapping]:
    points = [
        (front.energy_pj * layer.execution_rate, front.cycles / frequency_hz * layer.execution_rate)
        for front, layer in zip(fronts, workload.layers, strict=True)
    ]
    return [front.mappings[pick] for front, pick in zip(fronts, chosen(points, objective), strict=True)]
