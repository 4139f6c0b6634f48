"""The engines on the released space and predictor: the mended gradient search gets near the optimum, random search does not."""

import pytest

from netchip.hardware.fpga.assignment import by_map_size
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.problem import PipelineProblem
from netchip.hardware.search.genetic import Genetic
from netchip.hardware.search.gumbel import Gumbel
from netchip.hardware.search.random_draws import RandomDraws
from netchip.hardware.search.searching import search
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.legacy.predictor import FREQUENCY_HZ, LIMITS, LegacyPredictor
from netchip.methods.dna.legacy.space import released_spaces

OPTIMUM_FPS = 126.15


@pytest.fixture(scope="module")
def problem() -> PipelineProblem:
    table = LayerTable.of(example_layers())
    return PipelineProblem(table, released_spaces(), by_map_size(table), LegacyPredictor(), LIMITS)


def test_gumbel_reaches_95_percent_in_20000_samples(problem: PipelineProblem) -> None:
    for seed in range(3):
        found = search(problem, Gumbel(), calls=20_000, seed=seed).require()
        assert FREQUENCY_HZ / found.cost >= 0.95 * OPTIMUM_FPS


def test_random_search_stays_far_below(problem: PipelineProblem) -> None:
    found = search(problem, RandomDraws(), calls=2000, seed=0).require()
    assert FREQUENCY_HZ / found.cost < 0.6 * OPTIMUM_FPS


def test_a_genetic_search_gets_there_too(problem: PipelineProblem) -> None:
    found = search(problem, Genetic(), calls=5000, seed=0).require()
    assert FREQUENCY_HZ / found.cost >= 0.95 * OPTIMUM_FPS
