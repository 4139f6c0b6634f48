"""Targets are refused before any training; random networks of equal cost are what they say."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import BudgetError, ConfigError
from netchip.hardware.chips import load_chip
from netchip.methods.autogan_distiller.costing.budgets import MeasureName, parse_budget
from netchip.methods.autogan_distiller.costing.choosing import best_measured, make_measure, make_target, random_networks
from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.costing.sampling import Sampler
from netchip.methods.autogan_distiller.costing.stages import Scores
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.space import presets
from netchip.methods.autogan_distiller.space.operators import conv, identity, residual
from netchip.methods.autogan_distiller.space.space import Add, Layer, Space
from netchip.models.srgan import SRGANGenerator

SMALL = Space(
    "small",
    (
        Layer("a", conv(3), (2, 4)),
        Layer("b", (conv(1), residual(), identity()), (3, 5)),
        Layer("c", (conv(1), conv(3)), "a"),
        Add("d", ("c", "a")),
        Layer("out", conv(3), 3),
    ),
)


def test_a_share_is_of_the_teachers_macs_at_the_image() -> None:
    space = presets.super_resolution(4, width=32)
    teacher = SRGANGenerator().eval()
    target = make_target(space, parse_budget("10%"), make_measure("macs"), (32, 32), teacher)
    assert target.teacher is not None
    assert target.teacher / 1e9 == pytest.approx(92.2 / 64, abs=0.01)
    assert target.budget == pytest.approx(target.teacher / 10)
    found = best_measured(target, Scores({}, {}), torch.zeros(1, 3, 32, 32))
    assert found.cost <= target.budget


def test_what_cannot_be_met_is_refused_with_what_can() -> None:
    space = presets.super_resolution(4, width=32)
    with pytest.raises(
        BudgetError, match=r"macs = 1\.00 kMACs: no network of space .* at 32x32 is that small; it reaches from"
    ):
        make_target(space, parse_budget("1k"), make_measure("macs"), (32, 32))
    with pytest.raises(BudgetError, match=r"bytes = 9 ?B: no network .* it reaches from .*B to"):
        make_target(space, parse_budget("9 B"), make_measure("bytes"), (32, 32))
    with pytest.raises(ConfigError, match="what the teacher costs is not known"):
        make_target(space, parse_budget("10%"), make_measure("macs"), (32, 32))


@pytest.mark.parametrize("name", ["macs", "parameters", "bytes", "latency", "energy", "modelled_latency"])
def test_every_measure_is_named_as_its_budget(name: MeasureName) -> None:
    assert make_measure(name, chip=load_chip("eyeriss")).name == name


def test_a_modelled_budget_needs_a_chip() -> None:
    with pytest.raises(ConfigError, match="needs a chip"):
        make_measure("energy")


def test_draws_follow_their_tilt_and_its_mean() -> None:
    """Against all 48 networks: chances exp(-tilt cost) and the mean that was asked for."""
    table = cost_table(SMALL, Macs(), (4, 4))
    architectures = [
        SMALL.architecture({"b": b, "c": c}, {"a": a, "b": w})
        for b, c, a, w in itertools.product(range(3), range(2), range(2), range(2))
    ]
    costs = np.array([table.of(each) for each in architectures])
    wanted = 0.7 * costs.mean()
    sampler = Sampler(table, wanted)
    unit = sum(each.costs.max() for each in table.layers)
    chances = np.exp(-sampler.tilt * costs / unit)
    chances /= chances.sum()
    assert chances @ costs == pytest.approx(wanted, rel=1e-6)
    rng, counts = np.random.default_rng(0), dict.fromkeys(map(str, architectures), 0)
    for _ in range(4000):
        counts[str(sampler.draw(rng).architecture)] += 1
    np.testing.assert_allclose(np.array(list(counts.values())) / 4000, chances, atol=0.025)


def test_random_networks_of_equal_cost() -> None:
    table = cost_table(presets.translation_paper(), Macs(), (64, 64))
    budget = 0.2 * reach(table)[1].cost
    found = random_networks(table, budget, 12, seed=0)
    assert len({str(each.architecture) for each in found}) == 12
    assert all(0.95 * budget <= each.cost == table.of(each.architecture) <= budget for each in found)
    assert random_networks(table, budget, 12, seed=0) == found
    assert random_networks(table, budget, 12, seed=1) != found


def test_random_networks_near_the_smallest_and_too_many() -> None:
    table = cost_table(SMALL, Macs(), (4, 4))
    smallest = reach(table)[0].cost
    assert random_networks(table, smallest, 1, seed=0)[0].cost == smallest
    with pytest.raises(BudgetError, match="of 99 networks between"):
        random_networks(table, smallest, 99, seed=0)


def test_a_teacher_on_its_own_device_gets_its_example_there() -> None:
    class Plain(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images

    target = make_target(SMALL, parse_budget("9 GMACs"), make_measure("macs"), (4, 4), Plain())
    assert target.teacher == 0
