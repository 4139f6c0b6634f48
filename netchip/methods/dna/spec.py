"""What a co-search is asked for, part by part, as configuration. Imports no torch; sections are those of arXiv 2010.14778."""

from typing import Literal, Self

from pydantic import Field, model_validator

from netchip.spec import Spec
from netchip.train.spec import OptimizerSpec

BLOCK_NAMES = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")


class SpaceSpec(Spec):
    """Which networks there are to choose from; classes, channels and image size are those of the data."""

    name: Literal["small", "cifar", "imagenet"] = Field(
        default="small", description="22 positions as released (cifar, imagenet), or 6 narrow ones that a CPU searches"
    )
    width: float = Field(default=1.0, gt=0, le=8, description="multiplier of all channel counts")
    options: tuple[str, ...] = Field(default=BLOCK_NAMES, min_length=1, description="blocks of every position, by name")
    bits: tuple[int, ...] = Field(
        default=(16,), min_length=1, description="bits that a position may have; several are searched (Auto-NBA)"
    )


class SearchSpec(Spec):
    """The supernet's training: weights alone, then weights and choices in turns, on halves of the training part."""

    pretrain_epochs: int = Field(default=30, ge=0, description="E0: epochs of the weights alone, against collapse")
    epochs: int = Field(default=90, ge=1, description="epochs of weights and choices in turns")
    active: int = Field(default=2, ge=1, description="K: options that are run where choices learn")
    paths: int = Field(
        default=1,
        ge=1,
        description="paths that a step of the weights learns from; with as many as options all of them learn",
    )
    kernels: Literal["own", "shared"] = Field(
        default="own",
        description="every option's own as released, or parts of one set a position; short searches need that",
    )
    optimizer: OptimizerSpec = Field(
        default=OptimizerSpec(learning_rate=0.025, momentum=0.9, weight_decay=5e-4, schedule="cosine"),
        description="of the weights",
    )
    architecture: OptimizerSpec = Field(
        default=OptimizerSpec(name="adam", learning_rate=3e-3, momentum=0.5, weight_decay=0.0),
        description="of the logits of the choices",
    )
    weight: float = Field(
        default=0.1, ge=0, description="lambda: of log(cost) beside the loss, without a target; it has no unit"
    )
    proportional: float = Field(default=3.0, ge=0, description="with a target: the weight for log(cost / target) = 1")
    integral: float = Field(default=0.5, ge=0, description="with a target: what the weight gains there an epoch")
    resolve_epochs: int = Field(default=1, ge=1, description="epochs after which the accelerator is solved anew")
    skip_share: float = Field(default=0.5, ge=0, le=1, description="share of the positions that may skip, at most")
    least_use: float = Field(
        default=0.9,
        ge=0,
        lt=1,
        description="share of the target that a pair makes use of, where there are such networks",
    )
    batch_size: int | None = Field(default=None, ge=1, description="images in a step of the search; none: the data's")
    drawn: int = Field(
        default=8,
        ge=0,
        description="networks that are judged beside the most likely one: drawn by the probabilities, and evenly, in turns",
    )
    neighbours: int = Field(
        default=4,
        ge=0,
        description="networks a few choices away from the best judged so far that are judged then, one after the other",
    )
    audition_epochs: int = Field(
        default=1, ge=0, description="epochs that a candidate trains from the shared weights before it is judged"
    )
    finalists: int = Field(
        default=3, ge=0, description="of the candidates, the best so many are judged again after a longer training"
    )
    finalist_epochs: int = Field(default=3, ge=1, description="epochs of that one, again from the shared weights")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.finalists and self.finalist_epochs <= self.audition_epochs:
            raise ValueError(
                f"finalist_epochs = {self.finalist_epochs}: finalists are heard for longer than audition_epochs = "
                f"{self.audition_epochs}; give more, or finalists = 0"
            )
        return self


class FinalSpec(Spec):
    """The training of a network that was found, and of all it is compared with."""

    epochs: int = Field(default=600, ge=0, description="epochs; 0 leaves the weights as they are")
    optimizer: OptimizerSpec = Field(
        default=OptimizerSpec(learning_rate=0.01, momentum=0.9, weight_decay=5e-4, schedule="cosine")
    )
    weights: Literal["fresh", "inherit"] = Field(
        default="fresh", description="what it starts from: fresh weights as in the paper, or the supernet's"
    )
