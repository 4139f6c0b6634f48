"""The settings of a DNA run. Sections are those of arXiv 2010.14778."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from netchip.data.spec import DatasetSpec
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.methods.dna.spec import FinalSpec, SearchSpec, SpaceSpec
from netchip.models.spec import ModelSpec
from netchip.spec import Spec
from netchip.train.spec import TrainSpec

Mode = Literal["joint", "accelerator", "network", "evaluate"]
Control = Literal["sequential", "random", "published"]
Target = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class DnaConfig(Spec):
    """Search a network and its accelerator together within limits, train the network, compare the pair with others."""

    seed: int = Field(default=1, ge=0, description="seed of weights, draws and order; the split has its own")
    data: DatasetSpec = DatasetSpec()
    mode: Mode = Field(
        default="joint",
        description="joint; an accelerator for a given network; a network for a given accelerator; evaluate a given pair",
    )
    space: SpaceSpec = SpaceSpec()
    platform: PlatformSpec = PlatformSpec()
    model: ModelSpec | None = Field(
        default=None,
        description="accelerator, evaluate: the given network, by name; image size and classes are the data's",
    )
    network: Path | None = Field(
        default=None, description="accelerator, evaluate: the given network, a folder that `netchip.load` reads"
    )
    accelerator: Path | None = Field(
        default=None, description="network, evaluate: the file of the given accelerator, accelerator.json of a run"
    )
    search: SearchSpec = SearchSpec()
    final: FinalSpec = FinalSpec()
    accuracy_floor_percent: float | None = Field(
        default=None, ge=0, le=100, description="of the validation images; a pair below it is refused"
    )
    controls: tuple[Control, ...] = Field(
        default=(),
        description="joint: also a network searched by MACs, a random one, MobileNetV2; each with its own best accelerator",
    )
    targets: tuple[Target, ...] = Field(
        default=(),
        description="joint: also a pair for each of these targets, of frames a second (of uJ s where the platform has edp_uj_s); "
        "each search goes on from the supernet of the one before",
    )
    random_networks: int = Field(default=1, ge=1, description="how many random networks the control 'random' trains")
    train: TrainSpec = TrainSpec()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_given()
        if self.controls and self.mode != "joint":
            raise ValueError(f"controls belong to mode = 'joint', but mode = {self.mode!r}; leave one of them out")
        if self.targets and self.mode != "joint":
            raise ValueError(f"targets belong to mode = 'joint', but mode = {self.mode!r}; leave one of them out")
        if self.train.accumulate != 1:
            raise ValueError("train.accumulate: a supernet runs another path at every pass; use 1 and smaller batches")
        return self

    def _check_given(self) -> None:
        needs_network = self.mode in ("accelerator", "evaluate")
        given = [name for name in ("model", "network") if getattr(self, name) is not None]
        if needs_network and len(given) != 1:
            raise ValueError(
                f"mode = {self.mode!r} needs one network: set model (by name) or network (a folder); {len(given)} are set"
            )
        if not needs_network and given:
            raise ValueError(f"{given[0]} is set, but mode = {self.mode!r} searches its network; leave one of them out")
        needs_accelerator = self.mode in ("network", "evaluate")
        if needs_accelerator != (self.accelerator is not None):
            word = "needs the file of one" if needs_accelerator else "searches it"
            raise ValueError(f"accelerator = {self.accelerator}: mode = {self.mode!r} {word}")
