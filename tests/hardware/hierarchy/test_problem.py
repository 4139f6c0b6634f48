"""The hierarchy as a problem: its scores are those of the cost model for the same design, written out."""

import numpy as np
import pytest

from netchip.errors import BudgetError, RequestError
from netchip.hardware.cost import evaluate
from netchip.hardware.hierarchy.problem import HierarchyProblem, Sizes
from netchip.hardware.hierarchy.technology import load_technology
from netchip.hardware.mapping_batch import MappingBatch
from netchip.hardware.search.genetic import Genetic
from netchip.hardware.search.random_draws import RandomDraws
from netchip.hardware.search.searching import search
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

BITS = Precision(weight_bits=16, input_bits=16, output_bits=16, accumulator_bits=16)
DOSA = load_technology("dosa-40nm")


def layer_of(name: str, channels: int, out: int, size: int, kernel: int, groups: int = 1, stride: int = 1) -> Layer:
    shape = LayerShape.conv(
        in_channels=channels,
        out_channels=out,
        in_size=(size, size),
        kernel=(kernel, kernel),
        padding=(kernel // 2, kernel // 2),
        groups=groups,
        stride=(stride, stride),
    )
    return Layer(name, shape, precision=BITS)


LAYERS = (
    layer_of("expand", 16, 96, 16, 1),
    layer_of("depthwise", 96, 96, 16, 5, groups=96, stride=2),
    layer_of("project", 96, 24, 8, 1),
    layer_of("grouped", 24, 48, 8, 3, groups=2),
    layer_of("expand_again", 16, 96, 16, 1),
)


@pytest.fixture
def problem() -> HierarchyProblem:
    return HierarchyProblem(LAYERS, DOSA, {})


def test_scores_are_those_of_the_cost_model(problem: HierarchyProblem) -> None:
    picks = problem.choices.drawn(np.random.default_rng(0), 25)
    scores = problem.score(picks)
    for place in range(25):
        chip, mappings = problem.accelerator_of(picks[:, place]), problem.mappings_of(picks[:, place])
        costs = evaluate(LAYERS, chip, MappingBatch.of(mappings, chip, layers=range(len(LAYERS))))
        assert np.asarray(costs.fits).all()
        energy, latency = np.sum(costs.energy_pj), np.sum(costs.cycles) / chip.frequency_hz
        assert scores.usage["energy_pj"][place] == pytest.approx(energy)
        assert scores.usage["latency_s"][place] == pytest.approx(latency)
        assert scores.cost[place] == pytest.approx(energy * latency)
        assert scores.usage["power_w"][place] == pytest.approx(energy * 1e-12 / latency)


def test_what_each_layer_costs_adds_up(problem: HierarchyProblem) -> None:
    picks = problem.choices.drawn(np.random.default_rng(2), 1)
    energy, cycles = problem.layer_costs(picks[:, 0])
    usage = problem.score(picks).usage
    assert energy.sum() == pytest.approx(usage["energy_pj"][0])
    assert cycles.sum() / DOSA.frequency_hz.value == pytest.approx(usage["latency_s"][0])
    assert energy[0] == energy[4]  # alike
    assert len(set(energy)) == 4


def test_the_space_is_as_large_as_the_papers(problem: HierarchyProblem) -> None:
    assert problem.kinds == ("conv", "depthwise")
    assert HierarchyProblem(LAYERS[:1], DOSA, {}).kinds == ("conv",)
    one = HierarchyProblem(LAYERS[:1], DOSA, {}, Sizes(units=(64,), register_bytes=(64,), buffer_kib=(108,)))
    assert one.choices.count == 4 * 10**16 * 7**21  # 7^7 numbers make 5,040 orders


def test_many_are_scored_as_one_by_one(problem: HierarchyProblem) -> None:
    picks = problem.choices.drawn(np.random.default_rng(1), 5000)
    scores = problem.score(picks)
    for place in (0, 4999):
        assert problem.score(picks[:, place : place + 1]).cost[0] == pytest.approx(scores.cost[place])


def test_a_search_beats_chance_and_keeps_limits() -> None:
    free = HierarchyProblem(LAYERS, DOSA, {})
    chance = search(free, RandomDraws(), calls=600, seed=0).require()
    found = search(free, Genetic(), calls=600, seed=0).require()
    assert found.cost < chance.cost
    limited = HierarchyProblem(LAYERS, DOSA, {"area_mm2": 0.5, "latency_s": 10 * found.usage["latency_s"]})
    small = search(limited, Genetic(), calls=600, seed=0).require()
    assert small.usage["area_mm2"] <= 0.5
    with pytest.raises(BudgetError, match="the nearest uses"):
        search(HierarchyProblem(LAYERS, DOSA, {"energy_pj": 1.0}), RandomDraws(), calls=50, seed=0).require()


@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_other_objectives(objective: str) -> None:
    own = HierarchyProblem(LAYERS, DOSA, {}, objective=objective)  # type: ignore[arg-type]
    scores = own.score(own.choices.drawn(np.random.default_rng(0), 5))
    np.testing.assert_array_equal(scores.cost, scores.usage["energy_pj" if objective == "energy" else "latency_s"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HierarchyProblem((), DOSA, {}), "no layer was given"),
        (lambda: HierarchyProblem(LAYERS, DOSA, {"dsp": 1}), "'dsp' is nothing to limit here; there are energy_pj"),
        (
            lambda: HierarchyProblem(LAYERS, DOSA, {}, Sizes(register_bytes=(4, 64))),
            "registers of 4 B do not hold one weight",
        ),
        (
            lambda: HierarchyProblem((Layer("dot", LayerShape.matmul(rows=2, inner=2, columns=2)),), DOSA, {}),
            "dot is a matmul layer, and hierarchy-dosa-40nm runs conv",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        make()
