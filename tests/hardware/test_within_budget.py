"""A budget that some search meets is met, what is over in vain is as little over as was found, and no search is for nothing."""

from typing import Any

import pytest

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.budget import Budget
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.front import Front
from netchip.hardware.mapper.mappers import EvolutionaryMapper, Score
from netchip.hardware.mapper.problem import Problem
from netchip.hardware.network_cost import cost
from netchip.hardware.within_budget import ROUNDS, cost_within
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

FEW = EvolutionaryMapper(samples=600, population=200, elite=32, unrollings=16, candidates=64)
STRIDED = LayerShape.conv(
    in_channels=16, out_channels=32, in_size=(32, 32), kernel=(3, 3), padding=(1, 1), stride=(2, 2)
)
DEEP = LayerShape.conv(in_channels=64, out_channels=64, in_size=(8, 8), kernel=(3, 3), padding=(1, 1))
NETWORK = Workload((Layer("conv", STRIDED), Layer("deep", DEEP)))


class Counting:
    """A mapper that counts its searches of the first layer."""

    def __init__(self) -> None:
        self.searches = 0

    def search(self, problem: Problem, score: Score) -> Front:
        self.searches += problem.layer.name == "conv"
        return FEW.search(problem, score)

    def settings(self) -> dict[str, Any]:
        return FEW.settings()


@pytest.fixture(scope="module")
def eyeriss() -> Accelerator:
    return load_chip("eyeriss")


def total(
    chip: Accelerator, name: str, objective: Any, *, network: Workload = NETWORK, calibrated: bool = False
) -> float:
    report = cost(network, chip, mapper=FEW, objective=objective, calibrated=calibrated, cached=False)
    return report.totals()[name]


@pytest.mark.parametrize("shape", [STRIDED, DEEP], ids=["strided", "deep"])
@pytest.mark.parametrize(
    ("name", "objective", "calibrated"),
    [("latency_s", "latency", False), ("latency_s", "latency", True), ("energy_pj", "energy", False)],
)
def test_a_limit_that_another_objective_meets_is_met(
    eyeriss: Accelerator, name: str, objective: Any, calibrated: bool, shape: LayerShape
) -> None:
    """For least EDP the strided layer takes longer than it can, and the deep one more energy; some searches must be repeated."""
    network = Workload((Layer("conv", shape),))
    most = total(eyeriss, name, objective, network=network, calibrated=calibrated) * 1.0001
    budget = Budget.parse({name: most})
    report = cost_within(network, eyeriss, budget, mapper=FEW, calibrated=calibrated, cached=False)
    assert budget.violations(report.totals()) == {}
    assert report.objective == budget


def test_a_budget_that_is_met_at_once_is_searched_once(eyeriss: Accelerator) -> None:
    mapper, budget = Counting(), Budget(latency_s=1.0)
    report = cost_within(NETWORK, eyeriss, budget, mapper=mapper, cached=False)
    assert mapper.searches == 1
    assert report == cost(NETWORK, eyeriss, mapper=FEW, objective=budget, cached=False)


def test_what_no_mapping_changes_is_not_searched_for(eyeriss: Accelerator) -> None:
    mapper = Counting()
    report = cost_within(NETWORK, eyeriss, Budget(macs=10, weight_bits=10), mapper=mapper, cached=False)
    assert mapper.searches == 1
    assert report.macs > 10


@pytest.mark.parametrize(
    ("name", "objective"), [("latency_s", "latency"), ("energy_pj", "energy"), ("edp_pj_s", "edp")]
)
def test_what_cannot_be_met_is_as_little_over_as_was_found(eyeriss: Accelerator, name: str, objective: Any) -> None:
    least, mapper = total(eyeriss, name, objective), Counting()
    report = cost_within(NETWORK, eyeriss, Budget.parse({name: least / 10}), mapper=mapper, cached=False)
    assert report.totals()[name] <= least * (1 + 1e-9)
    assert 1 < mapper.searches <= ROUNDS
