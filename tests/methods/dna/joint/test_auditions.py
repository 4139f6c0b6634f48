"""Who is proposed, who is heard, in which order, and who is taken, with a judge that is a plain function of the network."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from netchip.errors import BudgetError, ConfigError
from netchip.hardware.fpga.board import load_board
from netchip.methods.dna.joint.auditions import Candidate, auditioned
from netchip.methods.dna.joint.candidates import neighbour, proposals
from netchip.methods.dna.joint.co_search import CoSearch, CoSearchSettings
from netchip.methods.dna.joint.macs import MacsPlatform, NoDesign
from netchip.methods.dna.joint.pair import Finder
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.platform import Design
from netchip.methods.dna.platform.spaces import spaces_by_map_size
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.space.presets import preset
from netchip.methods.dna.spec import SearchSpec
from netchip.methods.dna.supernet.supernet import Supernet
from netchip.workload.network import Workload

PLATFORM = FpgaPlatform(board=load_board("zc706"), spaces=spaces_by_map_size((4,)), bounds=(4,), fps=50_000)


@pytest.fixture(scope="module")
def layers() -> SpaceLayers:
    options = ("k3_e1", "k3_e3", "k5_e1", "k5_e3", "skip")
    return SpaceLayers(preset("small", classes=10, in_channels=1, image_size=8, options=options))


def search_of(layers: SpaceLayers, platform: FpgaPlatform | MacsPlatform = PLATFORM) -> CoSearch:
    torch.manual_seed(0)
    return CoSearch(Supernet(layers.space), platform, CoSearchSettings(least_use=0.8), layers=layers)


def heard(search: CoSearch, judge: Callable[[Architecture, int], float], **changes: int) -> tuple[Candidate, ...]:
    settings = {"drawn": 6, "neighbours": 4, "finalists": 0} | changes
    return auditioned(search, judge, SearchSpec(**settings), seed=1)  # pyright: ignore[reportArgumentType]


def test_proposals_keep_every_limit_use_the_target_and_differ(layers: SpaceLayers) -> None:
    search = search_of(layers)
    found = search.candidates(8, seed=3)
    assert found[0].origin == "best"
    assert {each.origin for each in found[1:]} == {"probabilities", "even"}
    assert len({each.pair.architecture for each in found}) == len(found) >= 5
    for each in found:
        report = PLATFORM.report(each.pair.design, layers.workload(each.pair.architecture))
        assert report.over == {}
        assert 0.8 * PLATFORM.target <= each.pair.cost == report.cost <= PLATFORM.target
        assert each.pair.architecture.blocks.count("skip") <= 3
    again = search_of(layers).candidates(8, seed=3)
    assert [each.pair.architecture for each in again] == [each.pair.architecture for each in found]


def test_what_other_parts_do_beside_the_slowest_is_made_use_of(layers: SpaceLayers) -> None:
    """At one pace, draws that fill the board multiply more than those that only reach the target."""
    search = search_of(layers)
    finder, random = search.finder, np.random.default_rng(0)
    best = search.best()
    flat = [np.zeros((5, 1))] * 6
    filled = [each.pair for each in proposals(finder, best, flat, 12, 0)[1:]]
    plain = [finder.near([random.gumbel(size=(5, 1)) for _ in flat], best) for _ in range(12)]
    macs = [[layers.workload(pair.architecture).macs for pair in pairs] for pairs in (filled, plain)]
    assert np.mean(macs[0]) > np.mean(macs[1])


def test_a_neighbour_is_at_most_three_choices_away_and_new(layers: SpaceLayers) -> None:
    search = search_of(layers)
    parent, random = search.best(), np.random.default_rng(0)
    for _ in range(4):
        known = set(search.finder.solved.pairs)
        pair = search.neighbour(parent, random)
        assert pair is not None
        apart = sum(own != its for own, its in zip(pair.architecture.blocks, parent.architecture.blocks, strict=True))
        assert 1 <= apart <= 3
        assert pair.architecture not in known
        assert search.finder.fits(pair)
        assert search.finder.uses(pair)
        assert pair.architecture.blocks.count("skip") <= search.finder.most_skips
    lonely = Finder(layers=layers, platform=PLATFORM, most_skips=0, least_use=0.999999)
    assert neighbour(lonely, lonely.pair(parent.architecture), random) is None


@dataclass(frozen=True)
class Picky(MacsPlatform):
    """Nothing can be built for more than `most` MACs."""

    most: float = float("inf")

    def best(self, workload: Workload, *, start: Design | None = None) -> NoDesign:
        if workload.macs > self.most:
            raise BudgetError("too many MACs")
        return super().best(workload, start=start)


@pytest.mark.parametrize("bounded", [True, False])
def test_networks_for_which_nothing_can_be_built_are_passed_over(layers: SpaceLayers, bounded: bool) -> None:
    most = 1.05 * layers.expected([np.full((5, 1), 0.2)] * 6).macs
    search = search_of(layers, Picky(1.1 * most if bounded else float("inf"), most=most))
    with torch.no_grad():  # the most likely network can be built
        for choice in search.supernet.block_choices:
            choice.logits[0] += 0.2  # pyright: ignore[reportIndexIssue, reportOperatorIssue]
    found = heard(search, lambda architecture, epochs: 0.0)
    assert len(found) > 3
    assert all(layers.workload(each.pair.architecture).macs <= most for each in found)


def test_without_a_target_anything_is_a_candidate(layers: SpaceLayers) -> None:
    search = search_of(layers, MacsPlatform(float("inf")))
    found = heard(search, lambda architecture, epochs: float(architecture.blocks.count("skip")))
    assert len(found) >= 8
    assert found[0].loss == min(each.loss for each in found)
    assert {each.origin for each in found} >= {"even", "neighbour"}


def test_nobody_is_heard_twice_and_neighbours_come_from_the_best(layers: SpaceLayers) -> None:
    asked: list[tuple[Architecture, int]] = []

    def judge(architecture: Architecture, epochs: int) -> float:
        asked.append((architecture, epochs))
        return -float(layers.workload(architecture).macs)

    found = heard(search_of(layers), judge)
    assert len(set(asked)) == len(asked) == len(found) >= 6
    assert [each.loss for each in found] == sorted(each.loss for each in found)
    order = [architecture for architecture, _ in asked]
    by_origin = {each.pair.architecture: each.origin for each in found}
    first = next(index for index, each in enumerate(order) if by_origin[each] == "neighbour")
    assert all(by_origin[each] == "neighbour" for each in order[first:])
    for index, each in enumerate(order[first:], start=first):
        best = sorted(order[:index], key=lambda other: -layers.workload(other).macs)[:3]
        assert min(sum(a != b for a, b in zip(each.blocks, other.blocks, strict=True)) for other in best) <= 3


def test_the_best_few_are_heard_again_for_longer_and_that_counts(layers: SpaceLayers) -> None:
    """After one epoch the largest lead, after three the smallest: of the three largest the smallest is taken."""

    def judge(architecture: Architecture, epochs: int) -> float:
        macs = float(layers.workload(architecture).macs)
        return -macs if epochs == 1 else macs

    found = heard(search_of(layers), judge, finalists=3)
    assert [each.epochs for each in found] == [3] * 3 + [1] * (len(found) - 3)
    macs = sorted(layers.workload(each.pair.architecture).macs for each in found)
    assert found[0].loss == macs[-3]


def test_finalists_are_heard_for_longer() -> None:
    with pytest.raises(ConfigError, match=r"finalists are heard for longer than audition_epochs = 3"):
        SearchSpec.parse({"finalists": 1, "audition_epochs": 3, "finalist_epochs": 3})
