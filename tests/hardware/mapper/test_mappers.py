"""Properties of every search: whole, legal, reproducible, never worse for more samples, not better than what exists."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import DEFAULT, ZIGZAG, Conventions
from netchip.hardware.cost import evaluate
from netchip.hardware.dimensions import DIMS, relevant
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.exhaustive import ExhaustiveMapper
from netchip.hardware.mapper.front import Front
from netchip.hardware.mapper.genes import Decoder, drawn
from netchip.hardware.mapper.mappers import CHUNK, EvolutionaryMapper, Mapper, RandomMapper
from netchip.hardware.mapper.problem import Problem, problem_of
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

MAPPERS = (RandomMapper(samples=400), EvolutionaryMapper(samples=400, population=128, elite=16))


def by_edp(energy_pj: np.ndarray, cycles: np.ndarray) -> np.ndarray:
    return energy_pj * cycles


def edp(front: Front) -> float:
    return float(np.min(front.energy_pj * front.cycles))


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    kernel, stride, groups = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.sampled_from([1, 1, 3]))
    size = draw(st.integers(kernel, 13))
    shape = LayerShape.conv(
        batch=draw(st.integers(1, 3)),
        in_channels=groups * draw(st.integers(1, 9)),
        out_channels=groups * draw(st.integers(1, 9)),
        in_size=(size, size),
        kernel=(kernel, kernel),
        stride=(stride, stride),
        groups=groups,
        transposed=draw(st.booleans()),
    )
    return Layer("layer", shape)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layer=layers(), conventions=st.sampled_from([DEFAULT, ZIGZAG]), seed=st.integers(0, 3))
@pytest.mark.parametrize("mapper", MAPPERS)
def test_what_is_found_covers_the_layer_and_fits(
    tiny: Accelerator, mapper: RandomMapper, layer: Layer, conventions: Conventions, seed: int
) -> None:
    front = mapper.changed(seed=seed).search(problem_of(layer, tiny, conventions, Constraints()), by_edp)
    for mapping in front.mappings:
        for dim, bound in layer.shape.loop_bounds.items():
            assert math.isclose(mapping.factor(dim), bound)
    costs = evaluate([layer], tiny, MappingBatch.of(front.mappings, tiny), conventions=conventions)
    assert np.all(costs.fits)
    np.testing.assert_allclose(costs.energy_pj, front.energy_pj, rtol=1e-9)
    np.testing.assert_allclose(np.broadcast_to(costs.cycles, front.cycles.shape), front.cycles, rtol=1e-9)
    assert np.isfinite(front.energy_pj).all()
    assert (front.energy_pj > 0).all()
    assert np.isfinite(front.cycles).all()
    assert (np.diff(front.energy_pj) > 0).all()
    assert (np.diff(front.cycles) < 0).all()
    assert 0 < front.legal <= front.tried == 400


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layer=layers(), seed=st.integers(0, 3))
def test_nothing_in_its_batch_is_better(tiny: Accelerator, layer: Layer, seed: int) -> None:
    problem = problem_of(layer, tiny, DEFAULT, Constraints())
    mapper = RandomMapper(samples=500, seed=seed)
    front = mapper.search(problem, by_edp)
    pool, _ = mapper._pool(problem)
    batch = Decoder(problem, pool)(drawn(np.random.default_rng([seed, 1, 0]), CHUNK, pool).at(slice(500)))
    priced = problem.priced(batch)
    slack = 1 + 1e-5  # the batch is costed in float32
    assert edp(front) <= np.min(priced.energy_pj * priced.cycles) * slack
    assert front.energy_pj[0] <= np.min(priced.energy_pj) * slack
    assert front.cycles[-1] <= np.min(priced.cycles) * slack


@pytest.mark.parametrize("mapper", MAPPERS)
def test_the_same_seed_finds_the_same_and_another_something_else(
    mapper: Mapper, problem: Callable[..., Problem], conv: Layer
) -> None:
    first, second = (mapper.search(problem(conv), by_edp) for _ in range(2))
    assert first.mappings == second.mappings
    assert first.legal == second.legal
    other = mapper.changed(seed=9).search(problem(conv), by_edp)
    assert other.mappings != first.mappings


@pytest.mark.parametrize(
    ("mapper", "counts"),
    [
        (RandomMapper(samples=1), (50, 400, CHUNK, CHUNK + 1, 20_000)),
        (EvolutionaryMapper(samples=1, population=128, elite=16), (50, 128, 200, 1000, 3000)),
    ],
)
def test_more_samples_are_never_worse(
    mapper: RandomMapper, counts: tuple[int, ...], problem: Callable[..., Problem], conv: Layer
) -> None:
    found = [edp(mapper.changed(samples=count).search(problem(conv), by_edp)) for count in counts]
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0]


def test_evolution_beats_chance_on_a_large_layer(tiny: Accelerator) -> None:
    shape = LayerShape.conv(in_channels=64, out_channels=96, in_size=(56, 56), kernel=(3, 3), padding=(1, 1))
    problem = problem_of(Layer("large", shape), tiny, DEFAULT, Constraints())
    chance = edp(RandomMapper(samples=6000).search(problem, by_edp))
    assert edp(EvolutionaryMapper(samples=6000, population=1000).search(problem, by_edp)) < chance


small = st.fixed_dictionaries(
    {
        "in_channels": st.integers(1, 3),
        "out_channels": st.integers(1, 3),
        "in_size": st.sampled_from([(1, 1), (1, 2)]),
    }
)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=small, seed=st.integers(0, 3))
def test_nothing_is_better_than_all_there_is(tiny: Accelerator, sizes: dict, seed: int) -> None:
    layer = Layer("small", LayerShape.conv(**sizes, kernel=(1, 1)))
    problem = problem_of(layer, tiny, DEFAULT, Constraints())
    everything = ExhaustiveMapper().search(problem, by_edp)
    for mapper in (RandomMapper(samples=300, seed=seed), EvolutionaryMapper(samples=300, seed=seed, population=100)):
        front = mapper.search(problem, by_edp)
        assert everything.energy_pj[0] <= front.energy_pj[0] * (1 + 1e-12)
        assert everything.cycles[-1] <= front.cycles[-1]
        assert edp(everything) <= edp(front) * (1 + 1e-12)


def test_all_mappings_of_two_loops_are_tried(tiny: Accelerator) -> None:
    layer = Layer("two", LayerShape.linear(in_features=2, out_features=3))
    fixed = Constraints(spatial={})
    front = ExhaustiveMapper().search(problem_of(layer, tiny, DEFAULT, fixed), by_edp)
    # 2 orders; W has 3 memories: 6 pairs of cuts from 0 to 2, I has 2: 3 cuts, O has 3: 6 pairs
    assert front.tried == 2 * 6 * 3 * 6


def test_a_nest_too_large_to_exhaust_is_refused(problem: Callable[..., Problem], conv: Layer) -> None:
    with pytest.raises(RequestError, match=r"conv: all mappings are up to [\d,]+, more than 1,000; use RandomMapper"):
        ExhaustiveMapper(most=1000).search(problem(conv), by_edp)


@pytest.mark.parametrize("mapper", MAPPERS)
def test_the_stationary_operand_stays(mapper: Mapper, problem: Callable[..., Problem], conv: Layer) -> None:
    for operand in ("W", "I", "O"):
        for mapping in mapper.search(problem(conv, stationary=operand), by_edp).mappings:
            changes = [loop.dim in relevant(operand) for loop in mapping.loops]
            assert changes == sorted(changes)


def test_the_order_is_obeyed(problem: Callable[..., Problem], conv: Layer) -> None:
    for mapping in RandomMapper(samples=300).search(problem(conv, order=("FX", "C", "OX")), by_edp).mappings:
        places = [("FX", "C", "OX").index(loop.dim) if loop.dim in ("FX", "C", "OX") else 3 for loop in mapping.loops]
        assert places == sorted(places)


def test_the_unrolling_is_the_fixed_one(problem: Callable[..., Problem], conv: Layer) -> None:
    fixed = {"D1": {"K": 4}, "D2": {"FX": 2}}
    for mapping in RandomMapper(samples=300).search(problem(conv, spatial=fixed), by_edp).mappings:
        assert mapping.spatial == {"D1": {"K": 4.0}, "D2": {"FX": 1.5}}


def test_a_memory_that_is_bypassed_keeps_nothing_of_the_operand(problem: Callable[..., Problem], conv: Layer) -> None:
    for mapping in RandomMapper(samples=300).search(problem(conv, bypass={"W": ["buffer"]}), by_edp).mappings:
        assert {loop.at["W"] for loop in mapping.loops} <= {"reg_w", "dram"}


def test_every_search_can_find_the_smallest_tiles(problem: Callable[..., Problem], conv: Layer) -> None:
    assert all(
        set(DIMS) >= {loop.dim for loop in each.loops}
        for each in RandomMapper(samples=1).search(problem(conv), by_edp).mappings
    )
