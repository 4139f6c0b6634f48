"""Both searches in step on a toy: the choices follow the cost, the accelerator follows the choices, limits are kept."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from netchip.errors import BudgetError, ConfigError, RequestError
from netchip.hardware.fpga.board import load_board
from netchip.methods.dna.joint.co_search import CoSearch, CoSearchSettings
from netchip.methods.dna.joint.macs import MacsPlatform
from netchip.methods.dna.joint.pair import Finder
from netchip.methods.dna.joint.weight import CostWeight
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.spaces import spaces_by_map_size
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.space.presets import preset
from netchip.methods.dna.space.space import NetworkSpace
from netchip.methods.dna.supernet.loads import LoadTable
from netchip.methods.dna.supernet.supernet import Supernet


def tiny(**changes: Any) -> NetworkSpace:
    settings = {"classes": 10, "in_channels": 1, "image_size": 8, "options": ("k3_e1", "k3_e3", "k5_e6", "skip")}
    return preset("small", **(settings | changes))


def platform(fps: float | None = None, **limits: float) -> FpgaPlatform:
    return FpgaPlatform(board=load_board("zc706"), spaces=spaces_by_map_size((4,)), bounds=(4,), fps=fps, limits=limits)


@pytest.fixture(scope="module")
def layers() -> SpaceLayers:
    return SpaceLayers(tiny())


def searching(layers: SpaceLayers, plat: Any, **settings: Any) -> CoSearch:
    torch.manual_seed(0)
    return CoSearch(Supernet(layers.space), plat, CoSearchSettings(**settings), layers=layers)


def nothing(route: Any) -> torch.Tensor:
    return torch.zeros(())


def test_the_penalty_is_the_weight_times_the_logarithm_of_cost_over_target(layers: SpaceLayers) -> None:
    search = searching(layers, MacsPlatform(1e5), weight=CostWeight(proportional=0.0, sum=0.7))
    route = search.supernet.route(learn=True)
    over = np.log(layers.expected(search.supernet.joint_chances()).macs / 1e5)
    assert search.penalty(route).item() == pytest.approx(0.7 * over, rel=1e-4)
    search.weight = CostWeight(proportional=2.0)
    assert search.penalty(route).item() == pytest.approx(2.0 * over**2, rel=1e-4)
    free = searching(layers, MacsPlatform(float("inf")))
    assert free.penalty(route).item() == 0.0  # the first cost is the reference


def test_the_mean_cost_is_the_exact_cost_of_the_mean_network(layers: SpaceLayers) -> None:
    search = searching(layers, platform())
    exact = search.platform.cost(search.design, layers.expected(search.supernet.joint_chances()))
    assert exact <= search.cost().item() <= 1.1 * exact


@pytest.mark.parametrize("share", [0.25, 0.6])
def test_cost_alone_brings_the_mean_to_the_target_from_above_and_from_below(layers: SpaceLayers, share: float) -> None:
    # options are few and coarse here, so pairs fill the target to 70 % at least
    plat, largest = platform(), layers.workload(layers.space.uniform("k5_e6"))
    slow = plat.cost(plat.best(largest), largest)
    search = searching(layers, platform(fps=plat.board.frequency_hz.value / (share * slow)), resolve_epochs=2)
    first = search.cost().item() / search.platform.target
    for _ in range(4):
        for _ in range(15):
            search.choose(nothing)
        search.end_epoch()
    last = search.cost().item() / search.platform.target
    assert abs(np.log(first)) > 0.2
    assert abs(np.log(last)) < 0.12
    pair = search.best()
    assert search.finder.fits(pair)
    assert pair.cost > 0.7 * search.platform.target
    assert search.hardware_solves == 3 + search.finder.solved.solves


def test_weights_stand_still_while_choices_learn(layers: SpaceLayers) -> None:
    search = searching(layers, MacsPlatform(1e5))
    images = torch.randn(4, 1, 8, 8)
    before = [each.detach().clone() for each in search.supernet.weight_parameters()]
    chances = search.supernet.joint_chances()
    search.choose(lambda route: search.supernet(images, route).square().mean())
    assert all(torch.equal(old, new) for old, new in zip(before, search.supernet.weight_parameters(), strict=True))
    assert all(each.requires_grad and each.grad is None for each in search.supernet.weight_parameters())
    assert not np.allclose(chances[0], search.supernet.joint_chances()[0])


def test_pairs_keep_every_limit_and_use_the_target(layers: SpaceLayers) -> None:
    random = np.random.default_rng(0)
    plat = platform(fps=30_000, dsp=60, bram18=80)
    finder = Finder(layers=layers, platform=plat, most_skips=3, least_use=0.85)
    for _ in range(3):
        scores = [random.gumbel(size=(4, 1)) + np.array([[0], [2], [4], [0]]) for _ in layers.space.positions]
        pair = finder.best(scores)
        report = finder.platform.report(pair.design, layers.workload(pair.architecture))
        assert report.over == {}
        assert report.fps >= 30_000
        assert pair.cost == report.cost >= 0.85 * finder.platform.target
        assert pair.architecture.blocks.count("skip") <= 3


def test_the_parts_of_a_board_that_a_small_network_leaves_idle_are_seen(layers: SpaceLayers) -> None:
    """The exact design of a small network is as thrifty as its pace allows: under it alone a larger one looks slow."""
    plat = platform(fps=60_000)
    finder = Finder(layers=layers, platform=plat, most_skips=6, least_use=0.9)
    small = finder.pair(layers.space.architecture([(3, 0), (0, 0), (0, 0), (0, 0), (0, 0), (3, 0)]))
    alone = LoadTable.of(layers, plat, small.design)
    finder.near(finder.thrift(), small)
    for pair in list(finder.solved.pairs.values()):
        told = finder.expected_cost(pair.architecture)
        assert told <= float(plat.combine(torch.from_numpy(alone.of_network(layers, pair.architecture)))) * (1 + 1e-9)
        assert told <= 1.1 * pair.cost  # the smooth maximum is at most that much above
    looked_at = len(finder.solved.pairs)
    assert finder.solved.solves == looked_at
    assert finder.pair(small.architecture) is small
    assert finder.solved.solves == looked_at


def test_without_any_accelerator_there_is_no_outlook(layers: SpaceLayers) -> None:
    with pytest.raises(RequestError, match="no accelerator was solved yet; ask for a pair first"):
        Finder(layers=layers, platform=platform(), most_skips=6).outlook()


def test_a_target_that_no_network_meets_is_named(layers: SpaceLayers) -> None:
    finder = Finder(layers=layers, platform=platform(fps=1e7), most_skips=6)
    with pytest.raises(
        BudgetError, match=r"no network of space 'small' keeps the limits on zc706; the nearest .* frame_s"
    ):
        finder.best([np.zeros((4, 1))] * 6)


def test_a_given_accelerator_stays_as_it_is(layers: SpaceLayers) -> None:
    plat = platform(fps=40_000)
    given = plat.best(layers.workload(layers.space.uniform("k3_e1")))
    search = CoSearch(Supernet(layers.space), plat, design=given, layers=layers)
    search.choose(nothing)
    search.end_epoch()
    pair = search.best()
    assert pair.design == search.design == given
    assert search.hardware_solves == 0


def test_a_search_goes_on_where_it_stopped(layers: SpaceLayers) -> None:
    plat = platform(fps=50_000)
    one, other = (CoSearch(Supernet(layers.space), plat, layers=layers) for _ in range(2))
    torch.manual_seed(1)
    for _ in range(3):
        one.choose(nothing)
    one.end_epoch()
    one.choose(nothing)
    other.supernet.load_state_dict(one.supernet.state_dict())
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    for search in (one, other):
        torch.manual_seed(2)
        search.choose(nothing)
        search.end_epoch()
    assert all(map(torch.equal, one.supernet.logits(), other.supernet.logits()))
    assert one.best().architecture == other.best().architecture
    timeless = [{**each.state_dict(), "hardware_seconds": 0, "optimizer": 0} for each in (one, other)]
    assert timeless[0] == timeless[1]


def test_the_weight_moves_with_the_cost_and_never_by_jumps() -> None:
    weight = CostWeight(2.0, 0.5)
    assert weight.at(np.e) == pytest.approx(2.0)
    assert weight.at(1 / np.e) == pytest.approx(-2.0)
    moved = weight.moved(np.e).moved(1e9)  # at most 1 counts
    assert moved.sum == pytest.approx(1.0)
    assert moved.at(1.0) == pytest.approx(1.0)
    assert replace(weight, most=0.7).moved(np.e).moved(np.e).at(5.0) == 0.7
    with pytest.raises(ConfigError, match="give numbers of at least 0"):
        CostWeight(-1.0)
    with pytest.raises(ConfigError, match="skip_share and least_use from 0 to 1"):
        CoSearchSettings(skip_share=1.5)
