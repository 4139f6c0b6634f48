"""The best network within a budget against brute force, on chains, residual groups and skip connections; the mean cost too."""

import itertools
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import BudgetError, ConfigError
from netchip.methods.autogan_distiller.costing.exact import best, best_filling, front, reach, require_reachable
from netchip.methods.autogan_distiller.costing.measures import Macs, Parameters
from netchip.methods.autogan_distiller.costing.stages import Scores
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.space import presets
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.operators import conv, depthwise, down, identity, nearest, residual
from netchip.methods.autogan_distiller.space.space import INPUT, Add, Layer, Space

SMALL = (conv(1), conv(3), identity())
OUT = Layer("out", conv(1), 3)
CHAIN = Space("chain", (Layer("a", conv(3), (2, 4)), Layer("b", SMALL, (2, 3, 5)), Layer("c", SMALL, (1, 4)), OUT))
GROUP = Space(
    "group",
    (
        Layer("a", conv(3), (2, 4, 6)),
        Layer("b", (residual(), depthwise(), identity()), (3, 5)),
        Layer("c", SMALL, "a"),
        Add("d", ("c", "a")),
        Layer("e", SMALL, "a"),
        Add("f", ("e", "d")),
        OUT,
    ),
)
UNET = Space(
    "unet",
    (
        Layer("a", SMALL, (2, 4)),
        Layer("b", down(), (2, 3)),
        Layer("c", (conv(1), conv(3)), (4, 6)),
        Layer("d", nearest(), (2, 5)),
        Layer("e", SMALL, (2, 3), reads=("d", "a")),
        Layer("out", conv(1), 3, reads=("e", "e", "a")),
    ),
)
SPACES = (CHAIN, GROUP, UNET)


Places = dict[str, int]


@cache
def everything(space: Space) -> tuple[tuple[Places, Places, Architecture, float], ...]:
    """Every network: its operators and widths by place, the architecture, and its MACs at 8x8."""
    table = cost_table(space, Macs(), (8, 8))
    return tuple((operators, widths, each, table.of(each)) for operators, widths, each in _all(space))


def _all(space: Space) -> Iterator[tuple[Places, Places, Architecture]]:
    layers, variables = [each.name for each in space.layers], list(space.variables)
    for operators in itertools.product(*(range(len(each.choices)) for each in space.layers)):
        for widths in itertools.product(*(range(len(each)) for each in space.variables.values())):
            chosen = dict(zip(layers, operators, strict=True)), dict(zip(variables, widths, strict=True))
            yield *chosen, space.architecture(*chosen)


def random_scores(space: Space, seed: int, *, ties: bool = False) -> Scores:
    rng = np.random.default_rng(seed)

    def sized(count: int) -> np.ndarray:
        return rng.integers(0, 3, count).astype(float) if ties else rng.normal(size=count)  # few values, many ties

    return Scores(
        {each.name: sized(len(each.choices)) for each in space.layers},
        {name: sized(len(widths)) for name, widths in space.variables.items() if name != INPUT},
    )


def score(scores: Scores, operators: dict[str, int], widths: dict[str, int]) -> float:
    return sum(scores.operators[n][i] for n, i in operators.items()) + sum(
        scores.widths[n][i] for n, i in widths.items() if n != INPUT
    )


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(seed=st.integers(0, 10_000), place=st.floats(0, 1), ties=st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_best_within_a_budget_is_that_of_brute_force(space: Space, seed: int, place: float, ties: bool) -> None:
    table, scores = cost_table(space, Macs(), (8, 8)), random_scores(space, seed, ties=ties)
    low, high = (each.cost for each in reach(table))
    budget = low + place * (high - low)
    found = best(table, scores, budget)
    networks = [(score(scores, o, w), -cost) for o, w, _, cost in everything(space)]
    top, cost = max((round(s, 9), c) for s, c in networks if -c <= budget)
    assert found.score == pytest.approx(top, abs=1e-8)
    assert found.cost == -cost == table.of(found.architecture) <= budget
    assert best(table, scores, budget) == found


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_the_front_is_that_of_brute_force(space: Space) -> None:
    table, scores = cost_table(space, Macs(), (8, 8)), random_scores(space, 3)
    points = sorted((cost, -score(scores, o, w)) for o, w, _, cost in everything(space))
    expected: list[tuple[float, float]] = []
    for cost, negative in points:
        if not expected or -negative > expected[-1][1] + 1e-9:
            expected.append((cost, -negative))
    found = front(table, scores)
    assert [each.cost for each in found] == [cost for cost, _ in expected]
    np.testing.assert_allclose([each.score for each in found], [value for _, value in expected], atol=1e-9)
    assert [table.of(each.architecture) for each in found] == [each.cost for each in found]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_costs_are_those_of_the_derived_networks(space: Space) -> None:
    tables = [cost_table(space, measure, (8, 8)) for measure in (Macs(), Parameters())]
    costs = [cost for *_, cost in everything(space)]
    assert [each.cost for each in reach(tables[0])] == [min(costs), max(costs)]
    for _, _, each, _ in everything(space)[:: space.size // 6]:
        network, example = space.derive(each), torch.zeros(1, 3, 8, 8)
        for table in tables:
            assert table.of(each) == table.measure.of_model(network, example)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_the_mean_cost_is_that_over_all_networks_and_has_gradients(space: Space) -> None:
    table = cost_table(space, Macs(), (8, 8))
    generator = torch.Generator().manual_seed(0)
    logits = {
        each.name: torch.randn(len(each.choices), generator=generator) for each in space.layers if len(each.choices) > 1
    }
    widths = {n: torch.randn(len(w), generator=generator) for n, w in space.variables.items() if len(w) > 1}
    for each in (*logits.values(), *widths.values()):
        each.requires_grad_()
    chances = [{n: each.softmax(0) for n, each in group.items()} for group in (logits, widths)]
    mean = table.expected(*chances)
    by_enumeration = 0.0
    for operators, places, _, cost in everything(space):
        chance = np.prod([chances[0][n][i].item() for n, i in operators.items() if n in logits])
        chance *= np.prod([chances[1][n][i].item() for n, i in places.items() if n in widths])
        by_enumeration += chance * cost
    assert mean.item() == pytest.approx(by_enumeration, rel=1e-5)
    mean.backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in (*logits.values(), *widths.values()))
    for each in widths.values():  # wider costs more, so the widest width is pushed down and the narrowest up
        assert each.grad is not None
        assert each.grad[-1] > 0 > each.grad[0]


def test_one_hot_chances_cost_what_the_network_costs() -> None:
    table = cost_table(UNET, Macs(), (8, 8))
    operators, widths, architecture, _ = everything(UNET)[77]
    hot = {each.name: torch.eye(len(each.choices))[operators[each.name]] for each in UNET.layers}
    wide = {name: torch.eye(len(given))[widths[name]] for name, given in UNET.variables.items()}
    assert table.expected(hot, wide).item() == table.of(architecture)


def test_a_budget_out_of_reach_says_what_is_in_reach() -> None:
    table = cost_table(presets.translation_paper(), Macs(), (256, 256))
    with pytest.raises(BudgetError, match=r"macs = 1\.00 GMACs: no network .* from 1\.29 GMACs to 49\.6 GMACs"):
        require_reachable(table, 1e9)
    with pytest.raises(BudgetError, match="no network"):
        best(table, Scores({}, {}), 1e9)
    assert best(table, Scores({}, {}), reach(table)[0].cost).cost == reach(table)[0].cost


@pytest.mark.parametrize(
    ("space", "image"),
    [
        (presets.translation_paper(), (256, 256)),
        (presets.super_resolution(), (64, 64)),
        (presets.super_resolution_paper(), (64, 64)),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_large_spaces_are_solved_and_never_over_budget(space: Space, image: tuple[int, int], share: float) -> None:
    table = cost_table(space, Macs(), image)
    low, high = (each.cost for each in reach(table))
    budget, scores = low + share * (high - low), random_scores(space, 1)
    for each in table.layers:  # what costs more is better, but for some noise, so that the budget binds
        mean = each.costs.reshape(len(each.costs), -1).mean(1)
        scores.operators[each.layer][:] += 4 * np.sqrt(mean / max(mean.max(), 1.0))
    for values in scores.widths.values():
        values += 2 * np.arange(len(values))
    found = best(table, scores, budget)
    assert 0.95 * budget < found.cost == table.of(found.architecture) <= budget


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("seed", range(4))
def test_a_filling_network_is_the_best_of_those_that_cost_enough(space: Space, seed: int) -> None:
    """By brute force; scores that fall with the width, as those of a search that has not settled."""
    table, scores = cost_table(space, Macs(), (8, 8)), random_scores(space, seed)
    for values in scores.widths.values():
        values -= 5.0 * np.arange(len(values))
    low, high = (each.cost for each in reach(table))
    for share in (0.3, 0.6, 0.95):
        budget = low + share * (high - low)
        found = best_filling(table, scores, budget, least=0.8)
        enough = [score(scores, o, w) for o, w, _, cost in everything(space) if 0.8 * budget <= cost <= budget]
        assert found.cost == table.of(found.architecture)
        assert found.cost <= budget
        if enough:
            assert found.cost >= 0.8 * budget
            assert found.score == pytest.approx(max(enough), abs=1e-9)
        else:  # as in the chain, whose costs lie far apart
            assert found == best(table, scores, budget)


def test_a_budget_is_used_where_it_can_be() -> None:
    table = cost_table(presets.super_resolution(), Macs(), (64, 64))
    scores, budget = random_scores(table.space, 0), 0.1 * reach(table)[1].cost
    for values in scores.widths.values():
        values -= 2.0 * np.arange(len(values))
    assert best(table, scores, budget).cost < 0.5 * budget
    assert 0.9 * budget <= best_filling(table, scores, budget).cost <= budget
    everything_fits = 2 * reach(table)[1].cost
    assert best_filling(table, scores, everything_fits) == best(table, scores, everything_fits)


def test_an_image_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ConfigError, match="multiples of 2"):
        cost_table(UNET, Macs(), (7, 8))
