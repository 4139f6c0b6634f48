"""`best_mapping`: the mapping of one layer that an objective likes best, of those a mapper tries."""

from dataclasses import dataclass

import numpy as np

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import DEFAULT, Conventions
from netchip.hardware.cost import evaluate
from netchip.hardware.costs import LayerCost
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.front import Front
from netchip.hardware.mapper.mappers import EvolutionaryMapper, Mapper
from netchip.hardware.mapper.objective import Objective, check_objective, score
from netchip.hardware.mapper.problem import Problem, problem_of
from netchip.hardware.mapper.selection import chosen
from netchip.hardware.mapper.store import question, stored_front
from netchip.hardware.mapping import Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer

_SEARCH = EvolutionaryMapper()
_FREE = Constraints()


@dataclass(frozen=True, kw_only=True)
class Found:
    """The best `mapping`, its `cost` and `latency_s` by the plain bound, how many mappings were `tried`, and how many were `legal`.

    The mapping is for `accelerator`: the one that was asked for, without the tiles that constraints bypass.
    """

    mapping: Mapping
    cost: LayerCost
    latency_s: float
    tried: int
    legal: int
    accelerator: Accelerator

    @property
    def energy_pj(self) -> float:
        """Energy of a pass over the batch, on average over inputs."""
        return self.cost.energy_pj

    @property
    def edp_pj_s(self) -> float:
        """Energy times latency."""
        return self.energy_pj * self.latency_s


def best_mapping(
    layer: Layer,
    accelerator: Accelerator,
    *,
    objective: Objective = "edp",
    mapper: Mapper = _SEARCH,
    conventions: Conventions = DEFAULT,
    constraints: Constraints = _FREE,
    cached: bool = True,
) -> Found:
    """The best mapping of a layer that `mapper` finds. `cached`: a search made before, on disk, is not made again.

    Raises `RequestError` where the accelerator cannot run the layer, or no mapping fits: it says which memory is too small.
    """
    check_objective(objective)
    problem = problem_of(layer, accelerator, conventions, constraints)
    front = front_for(problem, objective, mapper, cached=cached)
    rate = layer.execution_rate
    points = front.energy_pj * rate, front.cycles / accelerator.frequency_hz * rate
    mapping = front.mappings[chosen([points], objective)[0]]
    costs = evaluate(
        [layer], problem.accelerator, MappingBatch.of([mapping], problem.accelerator), conventions=conventions
    )
    cost = costs.row(0)
    return Found(
        mapping=mapping,
        cost=cost,
        latency_s=cost.cycles / accelerator.frequency_hz,
        tried=front.tried,
        legal=front.legal,
        accelerator=problem.accelerator,
    )


def front_for(problem: Problem, objective: Objective, mapper: Mapper, *, cached: bool) -> Front:
    """The front of a problem, from disk where it was searched before."""
    frequency = problem.accelerator.frequency_hz

    def likes(energy_pj: np.ndarray, cycles: np.ndarray) -> np.ndarray:
        return score(objective, energy_pj, cycles / frequency)

    def search() -> Front:
        return mapper.search(problem, likes)

    return stored_front(question(problem, objective, mapper.settings()), search) if cached else search()
