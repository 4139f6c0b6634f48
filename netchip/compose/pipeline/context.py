"""What all stages of a pipeline share."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from netchip.data.batches import Batches, evaluation_batches, training_batches
from netchip.data.images import ImageClasses
from netchip.data.loading import load
from netchip.data.spec import DatasetSpec
from netchip.models.build import example_input
from netchip.models.spec import ModelSpec
from netchip.train.rundir import RunDir
from netchip.train.spec import TrainSpec


@dataclass(frozen=True, eq=False, kw_only=True)
class Context:
    """The network's description, the data and the folders. `root` is where ordinary runs lie."""

    seed: int
    model: ModelSpec
    data_spec: DatasetSpec
    train: TrainSpec
    root: Path
    rundir: RunDir

    @cached_property
    def data(self) -> ImageClasses:
        """Loaded once."""
        return load(self.data_spec)

    @cached_property
    def example(self) -> Tensor:
        """One input."""
        return example_input(self.model, batch=1)

    def training(self) -> Batches:
        """Batches to train on."""
        return training_batches(self.data, self.data_spec, seed=self.seed)

    def test(self) -> Batches:
        """The test set, on which every network is judged."""
        return evaluation_batches(self.data.test, self.data, self.data_spec)

    def shared(self) -> dict[str, Any]:
        """The settings that every method's configuration has in common."""
        return {
            "seed": self.seed,
            "data": self.data_spec.model_dump(),
            "model": self.model.model_dump(),
            "train": self.train.model_dump(),
        }

    def within(self, folder: Path, method: str, config_hash: str) -> RunDir:
        """A folder of this pipeline in the form in which a method's stages take it; the pipeline's own lock covers it."""
        return RunDir(folder, method=method, experiment="pipeline", seed=self.seed, config_hash=config_hash, lock=None)
