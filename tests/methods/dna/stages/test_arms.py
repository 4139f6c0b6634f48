"""What the joint search is compared with: the sequential arm hears its networks before it knows what they take."""

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from netchip.errors import BudgetError
from netchip.hardware.fpga.board import load_board
from netchip.methods.dna.joint.auditions import Candidate
from netchip.methods.dna.joint.co_search import CoSearch
from netchip.methods.dna.joint.macs import MacsPlatform, NoDesign
from netchip.methods.dna.joint.pair import Finder, Pair
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.spaces import spaces_by_map_size
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.space.presets import preset
from netchip.methods.dna.stages import arms
from netchip.methods.dna.stages.stages import Searched, Stages
from netchip.methods.dna.supernet.supernet import Supernet

LARGE, SMALL, SMALLER = "k5_e6", "k3_e1", "skip"
PLATFORM = FpgaPlatform(board=load_board("zc706"), spaces=spaces_by_map_size((4,)), bounds=(4,), fps=40_000)


@pytest.fixture(scope="module")
def layers() -> SpaceLayers:
    return SpaceLayers(
        preset("small", classes=10, in_channels=1, image_size=8, options=(SMALL, "k3_e3", LARGE, SMALLER))
    )


@dataclass
class Scripted:
    """Stages whose searches come to the networks they are told to, round after round."""

    layers: SpaceLayers
    rounds: list[list[str]]
    platform: FpgaPlatform = PLATFORM
    seed: int = 1
    aimed_at: list[float] = field(default_factory=list[float])

    def __post_init__(self) -> None:
        self.space = self.layers.space
        self.finder = Finder(layers=self.layers, platform=self.platform, most_skips=6, least_use=0.5)

    def searched(self, name: str, platform: MacsPlatform) -> Searched:
        candidates, seconds = self._told(platform)
        return Searched(
            supernet=Supernet(self.space),
            pair=candidates[0].pair,
            candidates=candidates,
            pretrain_seconds=0.0,
            seconds=seconds,
            hardware_seconds=0.0,
            hardware_solves=0,
            result=cast(Any, None),
        )

    def co_search(self, supernet: Supernet, platform: MacsPlatform) -> CoSearch:
        return CoSearch(supernet, platform, layers=self.layers)

    def heard(self, search: CoSearch, name: str) -> tuple[tuple[Candidate, ...], float]:
        return self._told(cast(MacsPlatform, search.platform))

    def _told(self, platform: MacsPlatform) -> tuple[tuple[Candidate, ...], float]:
        self.aimed_at.append(platform.target)
        blocks = self.rounds[min(len(self.aimed_at), len(self.rounds)) - 1]
        return tuple(
            candidate(self.layers.space.uniform(block), float(place)) for place, block in enumerate(blocks)
        ), 2.0


def candidate(architecture: Architecture, loss: float) -> Candidate:
    return Candidate(Pair(architecture, NoDesign(), 0.0), "best", loss, 1)


def stages(layers: SpaceLayers, *rounds: list[str]) -> Stages:
    return cast(Stages, Scripted(layers, list(rounds)))


def test_the_best_network_by_macs_that_keeps_the_limits_is_taken_with_its_own_accelerator(layers: SpaceLayers) -> None:
    scripted = stages(layers, [LARGE, SMALL, SMALLER])
    found = arms.sequential(scripted)
    assert found.pair.architecture == layers.space.uniform(SMALL)
    assert found.pair.design == PLATFORM.best(layers.workload(found.pair.architecture))
    assert found.pair.cost <= PLATFORM.target
    assert found.seconds == 2.0


def test_where_none_fits_networks_of_fewer_macs_are_heard(layers: SpaceLayers) -> None:
    scripted = stages(layers, [LARGE], [LARGE], [SMALLER, SMALL])
    found = arms.sequential(scripted)
    assert found.pair.architecture == layers.space.uniform(SMALLER)
    assert found.seconds == 6.0
    aimed_at = cast(Any, scripted).aimed_at
    assert np.allclose(np.diff(np.log(aimed_at)), np.log(0.85))


def test_a_search_by_macs_that_leads_nowhere_says_so(layers: SpaceLayers) -> None:
    with pytest.raises(BudgetError, match="no network that a search by MACs found keeps the limits; allow more"):
        arms.sequential(stages(layers, [LARGE]))


def test_random_networks_differ_and_keep_the_limits(layers: SpaceLayers) -> None:
    scripted = stages(layers, [])
    pairs = arms.random_pairs(scripted, 4)
    assert len({pair.architecture for pair in pairs}) > 1
    assert all(scripted.finder.fits(pair) for pair in pairs)
    again = arms.random_pairs(stages(layers, []), 4)
    assert [pair.architecture for pair in again] == [pair.architecture for pair in pairs]
    other = cast(Stages, Scripted(layers, [], seed=2))
    assert arms.random_pairs(other, 1)[0].architecture != pairs[0].architecture
