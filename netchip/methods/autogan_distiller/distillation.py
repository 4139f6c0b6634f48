"""The stages of a distillation in a folder: the search, the training of what it found and of what it is compared with.

Each stage asks first what is on disk, so that calling it again goes on where it was stopped.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor, full, nn

from netchip.errors import ConfigError
from netchip.files import write_json
from netchip.methods.autogan_distiller.costing.choosing import Target, best_measured
from netchip.methods.autogan_distiller.costing.exact import Found, best_filling
from netchip.methods.autogan_distiller.costing.latency import MeasuredLatency
from netchip.methods.autogan_distiller.eight_bit.network import calibrate, to_store, to_train
from netchip.methods.autogan_distiller.images.batches import BothHalves, CropBatches
from netchip.methods.autogan_distiller.images.crops import fixed_crops
from netchip.methods.autogan_distiller.images.pictures import Picture, Pictures, halves, to_values
from netchip.methods.autogan_distiller.images.spec import ImagesSpec
from netchip.methods.autogan_distiller.objective.backbone import Backbone
from netchip.methods.autogan_distiller.objective.objective import Objective
from netchip.methods.autogan_distiller.objective.spec import ObjectiveSpec
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.modules import Derived
from netchip.methods.autogan_distiller.space.space import Space
from netchip.methods.autogan_distiller.spec import EightBitSpec, FeatureSpec, FinalSpec, SearchSpec
from netchip.methods.autogan_distiller.stages.asking import Asked
from netchip.methods.autogan_distiller.stages.auditions import Candidate, auditioned, by_quality
from netchip.methods.autogan_distiller.stages.features import FeatureMatching
from netchip.methods.autogan_distiller.stages.imitation import Imitation
from netchip.methods.autogan_distiller.stages.pretraining import Pretraining
from netchip.methods.autogan_distiller.stages.searching import Search
from netchip.methods.autogan_distiller.supernet.supernet import Supernet
from netchip.methods.autogan_distiller.teacher.targets import cached_targets
from netchip.methods.autogan_distiller.teacher.teacher import Teacher
from netchip.train.accelerating import training_device
from netchip.train.fit import FitResult, fit
from netchip.train.phase import Loader, Phase
from netchip.train.seeding import seed_everything
from netchip.train.spec import TrainSpec

VALIDATION_CROPS = 4
"""Crops of each validation picture."""


@dataclass(frozen=True, eq=False)
class Searched:
    """What the search came to: the trained supernet, the chosen network with its cost, and all candidates, the best first.

    `given` are the networks that the logits gave within the budget, epoch after epoch; `judging_seconds` what the candidates'
    auditions took.
    """

    supernet: Supernet
    found: Found
    candidates: tuple[Candidate, ...]
    given: tuple[Architecture, ...]
    judging_seconds: float
    pretrained: FitResult
    result: FitResult


@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its training, and what that came to."""

    network: nn.Module
    result: FitResult


@dataclass(frozen=True, kw_only=True, eq=False)
class Distillation:
    """What the stages share. `target` holds the space, its costs and the budget; `folder` everything that is written."""

    teacher: Teacher
    pictures: Pictures
    space: Space
    target: Target
    folder: Path
    images: ImagesSpec = field(default_factory=ImagesSpec)
    search: SearchSpec = field(default_factory=SearchSpec)
    final: FinalSpec = field(default_factory=FinalSpec)
    features: FeatureSpec = field(default_factory=FeatureSpec)
    eight_bit: EightBitSpec = field(default_factory=EightBitSpec)
    train: TrainSpec = field(default_factory=TrainSpec)
    backbone: Backbone | None = None
    online: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        """Raises `ConfigError` where space, teacher and crops do not fit together."""
        made = self.space.variables[self.space.variable(self.space.steps[-1].name)][0]
        wanted = (self.teacher.in_channels, self.teacher.out_channels, self.teacher.scale)
        if (self.space.inputs, made, self.space.scale) != wanted:
            raise ConfigError(
                f"space {self.space.name!r} goes from {self.space.inputs} to {made} channels and enlarges by {self.space.scale}; "
                f"the teacher from {wanted[0]} to {wanted[1]}, by {wanted[2]}. Compose a space that does as the teacher does"
            )
        self.space.sizes((self.images.crop, self.images.crop))
        if self.features.layers:
            self._check_features()

    def searched(self) -> Searched:
        """Pretrains the supernet, searches, and chooses the best candidate within the budget."""
        seed_everything(self.seed)
        supernet = Supernet(self.space, operators=self.search.operators)
        asked, both = self._asked(self.search.objective), self._both_halves()
        pretraining = Pretraining(supernet, self.search.optimizer, asked)
        pretrained = self._fit(pretraining, both.weights, "pretrain", self.search.pretrain_epochs)
        search = Search(supernet, self.search, asked, self.target.table, self.target.budget)
        result = self._fit(search, both, "search", self.search.epochs)
        given = tuple(search.candidates)
        candidates, seconds = self._auditioned(supernet, self.target.budget, given)
        found = self._best(supernet, candidates, self.target)
        write_json(self.folder / "architecture.json", found.architecture.to_json())
        return Searched(supernet, found, candidates, given, seconds, pretrained, result)

    def student(self, searched: Searched, architecture: Architecture | None = None, name: str = "final") -> Trained:
        """Trains the found network (or another of the space) on every picture, from fresh weights or the supernet's."""
        chosen = architecture or searched.found.architecture
        seed_everything(self.seed)
        network = self.space.derive(chosen)
        if self.final.weights == "inherit":
            network.load_state_dict(searched.supernet.weights_of(chosen))
        return self.trained(network, name)

    def trained(self, network: nn.Module, name: str) -> Trained:
        """Trains any network that answers as the teacher does, as the student is trained."""
        seed_everything(self.seed)
        matching = self._matching(network)
        asked = self._asked(self.final.objective)
        phase = Imitation(network, self.final.optimizer, asked, features=matching)
        result = self._fit(phase, self._training(), name, self.final.epochs)
        if matching is not None:
            matching.close()
        return Trained(network, result)

    def at_eight_bits(self, trained: Trained, name: str = "final-8-bit") -> Trained:
        """Goes on training a copy at 8 bits; the network it returns holds int8 weights, on the CPU in eval mode."""
        seed_everything(self.seed)
        network = to_train(trained.network.cpu())
        crops = fixed_crops(self.pictures.train, size=self.images.crop, count=self.images.crops, seed=self.seed)
        shown = crops[:: max(1, len(crops) // self.eight_bit.crops)][: self.eight_bit.crops]
        calibrate(network, to_values(shown, self.teacher.low, self.teacher.high))
        phase = Imitation(network, self.eight_bit.optimizer, self._asked(self.final.objective))
        own = f"{self.identity} {self.eight_bit.model_dump_json()}"
        result = self._fit(phase, self._training(), name, self.eight_bit.epochs, own)
        return Trained(to_store(network), result)

    def best_within(self, searched: Searched, budget: float) -> Found:
        """The best network within another budget, from the same shared weights: one search serves them all."""
        own = best_filling(self.target.table, searched.supernet.scores(), budget, least=self.search.least_use)
        candidates, _ = self._auditioned(searched.supernet, budget, (own.architecture, *searched.given))
        return self._best(searched.supernet, candidates, replace(self.target, budget=budget))

    def validation(self) -> CropBatches:
        """Crops of the validation pictures, in order."""
        pictures = self.pictures.validation
        count = VALIDATION_CROPS if max(max(p.image.shape[1:]) for p in pictures) > self.images.crop else 1
        crops = fixed_crops(pictures, size=self.images.crop, count=count, seed=0)
        return self._of_crops(crops, "validation", 0, min(self.images.batch_size, len(crops)), training=False)

    def example(self, size: int | None = None) -> Tensor:
        """One input [1, C, size, size] in the middle of the teacher's range."""
        side = size or self.images.crop
        return full((1, self.teacher.in_channels, side, side), (self.teacher.low + self.teacher.high) / 2)

    @property
    def identity(self) -> str:
        """Names everything that decides a phase's result; a checkpoint of another one is not taken up."""
        parts = (
            self.teacher.identity,
            self.space,
            self.target.budget,
            self.target.table.measure.name,
            self.online,
            self.seed,
        )
        specs = (self.search, self.final, self.images)
        text = repr(parts) + "".join(spec.model_dump_json() for spec in specs)
        text += self.features.model_dump_json() if self.features.layers else ""
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _auditioned(
        self, supernet: Supernet, budget: float, given: Sequence[Architecture]
    ) -> tuple[tuple[Candidate, ...], float]:
        """The candidates within `budget`, the best first, and the seconds that their auditions took."""
        training, validation, seconds = self._training(), self.validation(), [0.0]

        def judge(architecture: Architecture, epochs: int) -> float:
            seed_everything(self.seed)
            spec = self.search.optimizer.changed(schedule="cosine", warmup_epochs=0.0)
            phase = Imitation(supernet.derive(architecture), spec, self._asked(self.search.objective))
            name = f"auditions/{architecture.digest}-{epochs}"
            result = self._fit(phase, training, name, epochs, validation=validation)
            seconds.append(result.seconds)
            return float(result.metrics["validation_psnr_db"])

        found = auditioned(self.target.table, budget, given, judge, self.search, seed=self.seed)
        return tuple(by_quality(found)), sum(seconds)

    def _best(self, supernet: Supernet, candidates: Sequence[Candidate], target: Target) -> Found:
        """The best candidate; where latency is measured, the best of those that are quick enough as a whole."""
        measure = target.table.measure
        if not isinstance(measure, MeasuredLatency):
            return candidates[0].found
        height, width = target.table.image
        example = self.example(height)[..., :width]
        for each in candidates:
            taken = measure.of_model(self.space.derive(each.found.architecture), example)
            if taken <= target.budget:
                return replace(each.found, cost=taken)
        return best_measured(target, supernet.scores(), example)

    def _both_halves(self) -> BothHalves:
        first, second = halves(self.pictures.train)
        count = self.images.crops
        weights = self._batches(first, count, "weights' half of the training", self.seed + 1)
        return BothHalves(weights, self._batches(second, count, "architecture's half of the training", self.seed + 2))

    def _matching(self, network: nn.Module) -> FeatureMatching | None:
        """Feature distillation of a network of the space; others have no layers of the names that are set."""
        if not self.features.layers or not isinstance(network, Derived):
            return None
        if not (self.online and isinstance(self.teacher.generator, nn.Module)):
            raise ConfigError(
                "feature distillation needs a teacher that is a torch module, and asks it online (online=True)"
            )
        example, weight = self.example(), self.features.weight
        return FeatureMatching(self.teacher.generator, network, self.features.pairs, example, weight=weight)

    def _check_features(self) -> None:
        """Any network of the space has the layers of all; names that are not there are refused before any training."""
        matching = self._matching(self.space.derive(self.space.architecture({}, {})))
        if matching is not None:
            matching.close()

    def _training(self) -> CropBatches:
        return self._batches(self.pictures.train, self.images.crops, "training", self.seed)

    def _batches(self, pictures: Sequence[Picture], count: int, part: str, seed: int) -> CropBatches:
        crops = fixed_crops(pictures, size=self.images.crop, count=count, seed=self.seed)
        return self._of_crops(crops, part, seed, self.images.batch_size, training=True)

    def _of_crops(self, images: np.ndarray, part: str, seed: int, batch_size: int, *, training: bool) -> CropBatches:
        device = training_device(self.train.device)
        targets = None if self.online and training else cached_targets(self.teacher, images, device=device)
        return CropBatches(
            images,
            targets,
            batch_size=batch_size,
            seed=seed,
            low=self.teacher.low,
            high=self.teacher.high,
            augment=self.images.augment if training else "none",
            shuffle=training,
            part_name=part,
        )

    def _asked(self, spec: ObjectiveSpec) -> Asked:
        low, high = self.teacher.low, self.teacher.high
        return Asked(Objective(spec, self.backbone, low=low, high=high), self.teacher, low, high)

    def _fit(
        self,
        phase: Phase,
        batches: Loader,
        name: str,
        epochs: int,
        identity: str | None = None,
        validation: Loader | None = None,
    ) -> FitResult:
        return fit(
            phase,
            batches,
            epochs=epochs,
            folder=self.folder / name,
            validation=validation or self.validation(),
            spec=self.train,
            config_hash=identity or self.identity,
        )
