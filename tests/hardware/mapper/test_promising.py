"""Of many unrollings that are equally quick, those are searched whose ports and buffers have the least to do."""

from collections.abc import Callable

import numpy as np
import pytest

from netchip.hardware.chips import load_chip
from netchip.hardware.conventions import DEFAULT
from netchip.hardware.mapper.best import best_mapping
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.hardware.mapper.problem import Problem, problem_of
from netchip.hardware.mapper.promising import promising
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape


def the_layer(chip: str) -> Layer:
    shape = LayerShape.conv(in_channels=16, out_channels=16, in_size=(32, 32), kernel=(3, 3), padding=(1, 1))
    return Layer("conv", shape, precision=load_chip(chip).precision)


@pytest.mark.parametrize(
    ("chip", "natural"),
    [
        ("edge-npu", {"inputs": {"C": 8}, "outputs": {"K": 16}}),
        ("gemmini-like", {"rows": {"C": 16}, "columns": {"K": 16}}),
        ("nvdla-like", {"channels": {"C": 64}, "kernels": {"K": 32}}),
    ],
)
def test_a_free_search_finds_what_the_chips_own_dataflow_gives(chip: str, natural: dict) -> None:
    mapper = EvolutionaryMapper(samples=6000)
    found, wanted = (
        best_mapping(the_layer(chip), load_chip(chip), mapper=mapper, constraints=constraints, cached=False)
        for constraints in (Constraints(), Constraints(spatial=natural))
    )
    assert found.edp_pj_s <= 1.05 * wanted.edp_pj_s


def test_as_many_as_wanted_are_kept_and_the_last_always() -> None:
    problem = problem_of(the_layer("edge-npu"), load_chip("edge-npu"), DEFAULT, Constraints())
    all_of_them = problem.unrollings(300)
    assert len(all_of_them.passes) == 300
    kept, again = (promising(problem, all_of_them, 16, most_loops=12, rng=np.random.default_rng(0)) for _ in range(2))
    assert len(kept.passes) == 16
    np.testing.assert_array_equal(kept.spatial, again.spatial)
    np.testing.assert_array_equal(kept.spatial[-1], all_of_them.spatial[-1])
    known = {each.tobytes() for each in all_of_them.spatial}
    assert all(each.tobytes() in known for each in kept.spatial)


def test_few_are_all_kept(problem: Callable[..., Problem], conv: Layer) -> None:
    own = problem(conv)
    few = own.unrollings(8)
    assert promising(own, few, 8, most_loops=12, rng=np.random.default_rng(0)) is few
