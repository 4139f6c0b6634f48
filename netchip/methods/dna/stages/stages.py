"""The stages of a co-search in a folder. Each asks first what is on disk, so that calling it again goes on where it was stopped."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from torch import Tensor, nn

from netchip.data.batches import Batches, evaluation_batches, training_batches
from netchip.data.images import ImageClasses
from netchip.data.spec import DatasetSpec
from netchip.methods.dna.joint.auditions import Candidate, auditioned
from netchip.methods.dna.joint.co_search import CoSearch, CoSearchSettings
from netchip.methods.dna.joint.pair import Finder, Pair
from netchip.methods.dna.joint.weight import CostWeight
from netchip.methods.dna.platform.platform import Design, Platform
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.space.space import NetworkSpace
from netchip.methods.dna.spec import FinalSpec, SearchSpec
from netchip.methods.dna.stages.halves import Halves, halved
from netchip.methods.dna.stages.training import Pretraining, Searching, judged
from netchip.methods.dna.supernet.supernet import Supernet
from netchip.spec import significant
from netchip.train.fit import FitResult, fit
from netchip.train.optimizers import make_optimizer
from netchip.train.phase import Classification, Loader, Phase
from netchip.train.seeding import seed_everything
from netchip.train.spec import TrainSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class Searched:
    """What a search came to. `pair` is that of the best of `candidates`, which come best first.

    `seconds` are those of search and auditions, `pretrain_seconds` those before; `hardware_seconds` of `seconds` went into the
    accelerator, in `hardware_solves` solutions.
    """

    supernet: Supernet
    pair: Pair
    candidates: tuple[Candidate, ...]
    pretrain_seconds: float
    seconds: float
    hardware_seconds: float
    hardware_solves: int
    result: FitResult


@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its training, and what that came to; no result where there was none."""

    network: nn.Module
    result: FitResult | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Stages:
    """What the stages share. `design` is a given accelerator; then only the network is searched.

    `start`: the state that a supernet begins its search with, in place of pretraining.
    """

    data: ImageClasses
    dataset: DatasetSpec
    space: NetworkSpace
    platform: Platform
    folder: Path
    search: SearchSpec = field(default_factory=SearchSpec)
    final: FinalSpec = field(default_factory=FinalSpec)
    train: TrainSpec = field(default_factory=TrainSpec)
    design: Design | None = None
    seed: int = 1
    identity: str = ""
    start: Mapping[str, Tensor] | None = None

    @cached_property
    def layers(self) -> SpaceLayers:
        """The layers of the space's networks, captured once."""
        return SpaceLayers(self.space)

    @cached_property
    def finder(self) -> Finder:
        """What finds pairs that keep every limit."""
        return self.co_search(Supernet(self.space), self.platform).finder

    @property
    def settings(self) -> CoSearchSettings:
        """Those of the joint search."""
        own = self.search
        return CoSearchSettings(
            weight=CostWeight(own.proportional, own.integral, own.weight),
            resolve_epochs=own.resolve_epochs,
            skip_share=own.skip_share,
            least_use=own.least_use,
        )

    def check(self) -> None:
        """Refuses, before any training, limits that the cheapest networks do not keep; raises `BudgetError`."""
        finder = replace(self.finder, least_use=0.0)
        finder.best(finder.thrift())

    def co_search(self, supernet: Supernet, platform: Platform) -> CoSearch:
        """The state of a search on a platform; the given accelerator counts where it is this one's."""
        return CoSearch(
            supernet,
            platform,
            self.settings,
            design=self.design if platform is self.platform else None,
            optimizer=make_optimizer(self.search.architecture, supernet.architecture_parameters()),
            layers=self.layers,
        )

    def searched(self, name: str = "search", platform: Platform | None = None) -> Searched:
        """Pretrains the supernet (once for all searches in this folder), searches, and chooses among the candidates."""
        seed_everything(self.seed)
        supernet = Supernet(self.space, active=self.search.active, share=self.search.kernels == "shared")
        pretrained = None
        if self.start is not None:
            supernet.load_state_dict(dict(self.start))
        elif self.search.pretrain_epochs:
            pretrained = self._fit(
                Pretraining(supernet, self.search), self.halves, "pretrain", self.search.pretrain_epochs
            )
        seed_everything(self.seed + 1)
        search = self.co_search(supernet, platform or self.platform)
        result = self._fit(Searching(search, self.search), self.halves, name, self.search.epochs)
        candidates, seconds = self.heard(search, name)
        return Searched(
            supernet=supernet,
            pair=candidates[0].pair,
            candidates=candidates,
            pretrain_seconds=pretrained.seconds if pretrained else 0.0,
            seconds=result.seconds + seconds,
            hardware_seconds=search.hardware_seconds,
            hardware_solves=search.hardware_solves,
            result=result,
        )

    def heard(self, search: CoSearch, name: str) -> tuple[tuple[Candidate, ...], float]:
        """The search's candidates, the best first, and the seconds that finding and judging them took."""
        spent: list[float] = []
        before = search.hardware_seconds

        def judge(architecture: Architecture, epochs: int) -> float:
            loss, seconds = self._audition(search.supernet, architecture, epochs, f"{name}-auditions")
            spent.append(seconds)
            return loss

        candidates = auditioned(search, judge, self.search, seed=self.seed)
        return candidates, sum(spent) + search.hardware_seconds - before

    def trained(self, network: nn.Module, name: str) -> Trained:
        """Trains any classifier on the whole training part, as what was found is trained; not at all with 0 epochs."""
        seed_everything(self.seed)
        if not self.final.epochs:
            return Trained(network, None)
        phase = Classification(network, self.final.optimizer)
        batches = training_batches(self.data, self.dataset, seed=self.seed)
        return Trained(network, self._fit(phase, batches, name, self.final.epochs))

    def network(self, architecture: Architecture, searched: Searched | None = None) -> nn.Module:
        """A fresh network of the space, or with the supernet's weights where the final training inherits them."""
        seed_everything(self.seed)
        network = self.space.derive(architecture)
        if self.final.weights == "inherit" and searched is not None:
            network.load_state_dict(searched.supernet.weights_of(architecture))
        return network

    def built(self, make: Callable[[], nn.Module]) -> nn.Module:
        """A fresh network, its weights from this run's seed."""
        seed_everything(self.seed)
        return make()

    def validation(self) -> Batches:
        """The validation part."""
        return evaluation_batches(self.data.validation, self.data, self.dataset)

    @cached_property
    def halves(self) -> Halves:
        """The training part for the search."""
        size = self.search.batch_size or self.dataset.batch_size
        return halved(self.data, self.dataset.changed(batch_size=size), seed=self.seed)

    def _audition(
        self, supernet: Supernet, architecture: Architecture, epochs: int, folder: str
    ) -> tuple[float, float]:
        """The validation loss after `epochs` from the supernet's weights on the whole training part, and the seconds it took."""
        if not epochs:
            began = time.monotonic()
            device = next(supernet.parameters()).device
            return judged(supernet, architecture, self.validation(), device)[0], time.monotonic() - began
        seed_everything(self.seed)
        network = self.space.derive(architecture)
        network.load_state_dict(supernet.weights_of(architecture))
        digest = hashlib.sha256(json.dumps(architecture.to_json()).encode()).hexdigest()[:12]
        batches = training_batches(self.data, self.dataset, seed=self.seed)
        phase = Classification(network, self.final.optimizer)
        result = self._fit(phase, batches, f"{folder}/{digest}-{epochs}", epochs)
        return float(result.metrics["validation_loss"]), result.seconds

    def _fit(self, phase: Phase, batches: Loader, name: str, epochs: int) -> FitResult:
        return fit(
            phase,
            batches,
            epochs=epochs,
            folder=self.folder / name,
            validation=self.validation(),
            spec=self.train,
            config_hash=self.identity or self._identity(),
        )

    def _identity(self) -> str:
        """Names everything that decides a phase's result; a checkpoint of another one is not taken up."""
        parts = (self.space, self.platform, self.design, self.seed)
        specs = [significant(each) for each in (self.search, self.final, self.dataset, self.train)]
        return hashlib.sha256((repr(parts) + json.dumps(specs)).encode()).hexdigest()[:16]
