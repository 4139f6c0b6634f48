"""The settings of the procedure, the teacher and the space, without torch: what `distill` takes and a run's configuration holds.

Sections are those of arXiv 2006.08198; the released code's numbers stand in README.md.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from netchip.methods.autogan_distiller.objective.spec import ObjectiveSpec
from netchip.spec import Spec
from netchip.train.spec import OptimizerSpec

ADAM = OptimizerSpec(name="adam", learning_rate=1e-3, momentum=0.9, weight_decay=0.0)
ARCHITECTURE_ADAM = OptimizerSpec(name="adam", learning_rate=3e-3, momentum=0.5, weight_decay=0.0)


class SearchSpec(Spec):
    """Pretraining of the supernet, then the alternating search."""

    pretrain_epochs: int = Field(
        default=20,
        ge=0,
        description="epochs of the supernet alone, at largest, smallest and two random networks a step",
    )
    epochs: int = Field(default=20, ge=1, description="epochs of the search: an architecture step, then a weight step")
    optimizer: OptimizerSpec = Field(default=ADAM, description="of the supernet's weights, in both phases")
    architecture: OptimizerSpec = Field(default=ARCHITECTURE_ADAM, description="of the logits")
    operators: Literal["sampled", "softmax"] = Field(
        default="sampled", description="one operator a layer drawn a step, or all of them summed as the paper does"
    )
    temperature: tuple[float, float] = Field(
        default=(1.0, 0.2), description="of the draws, at the first step of the search and at the last"
    )
    uniform: bool = Field(
        default=True,
        description="for each operator the network of it alone, as wide as the budget lets it be, is judged beside them",
    )
    drawn: int = Field(
        default=16,
        ge=0,
        description="random networks near the budget that are judged beside the search's own candidates",
    )
    neighbours: int = Field(
        default=8,
        ge=0,
        description="networks a few choices away from the best judged so far that are judged then, one after the other",
    )
    audition_epochs: int = Field(
        default=1, ge=1, description="epochs that a candidate trains from the shared weights before it is judged"
    )
    finalists: int = Field(
        default=4, ge=0, description="of the candidates, the best so many are heard again, for longer"
    )
    finalist_epochs: int = Field(
        default=3, ge=1, description="epochs that each of them trains from the shared weights then"
    )
    least_use: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="share of the budget below which no candidate is taken where others are at hand",
    )
    objective: ObjectiveSpec = Field(default=ObjectiveSpec(), description="d(student, teacher) in both phases")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.finalists and self.finalist_epochs <= self.audition_epochs:
            raise ValueError(
                f"finalist_epochs = {self.finalist_epochs}: finalists are heard for longer than audition_epochs = "
                f"{self.audition_epochs}; give more, or finalists = 0"
            )
        if min(self.temperature) <= 0:
            raise ValueError(f"temperature = {self.temperature}: give temperatures above 0")
        return self


class FinalSpec(Spec):
    """Training of the derived network on every picture, and of each baseline alike."""

    epochs: int = Field(default=40, ge=1, description="epochs of the derived network, and of each baseline")
    optimizer: OptimizerSpec = Field(
        default=OptimizerSpec(name="adam", learning_rate=1e-3, momentum=0.9, weight_decay=0.0, schedule="cosine")
    )
    objective: ObjectiveSpec = ObjectiveSpec()
    weights: Literal["fresh", "inherit"] = Field(
        default="fresh", description="what the student starts from: fresh weights as in the paper, or the supernet's"
    )


class EightBitSpec(Spec):
    """Training that goes on at 8 bits after the final one; off with 0 epochs."""

    epochs: int = Field(default=0, ge=0, description="epochs at 8 bits after the final training; 0: no 8-bit student")
    optimizer: OptimizerSpec = Field(
        default=OptimizerSpec(name="adam", learning_rate=1e-4, momentum=0.9, weight_decay=0.0, schedule="cosine")
    )
    crops: int = Field(default=64, ge=1, description="training crops that the ranges of activations are taken from")


class FeatureSpec(Spec):
    """Feature distillation in the final training of networks of the space; the teacher is asked online."""

    layers: tuple[str, ...] = Field(
        default=(), description='pairs "TEACHER=STUDENT" of layers by name, such as "blocks.3=layers.cell1"'
    )
    weight: float = Field(default=1.0, gt=0, description="of the mean squared difference, beside the objective")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for pair in self.layers:
            if not all(part.strip() for part in pair.partition("=")):
                raise ValueError(f'layers: {pair!r} is no pair of layers; write "TEACHER=STUDENT"')
        return self

    @property
    def pairs(self) -> dict[str, str]:
        """The student's layer of each of the teacher's."""
        return {above.strip(): below.strip() for above, _, below in (pair.partition("=") for pair in self.layers)}


class TeacherSpec(Spec):
    """The generator that is imitated."""

    name: str = Field(
        default="srgan", description="srgan, resnet, imdn, or the user's own: module:function or path.py:function"
    )
    weights: Path | None = Field(
        default=None,
        description="safetensors of its weights, absolute or inside the data folder; without, it is trained first",
    )
    channels: int = Field(
        default=64, ge=1, description="srgan, resnet: width of the first convolution; imdn: a quarter of it"
    )
    blocks: int = Field(default=5, ge=1, description="srgan, resnet, imdn: blocks")
    epochs: int = Field(default=20, ge=1, description="without weights: epochs it trains on the ground truth")
    optimizer: OptimizerSpec = Field(
        default=OptimizerSpec(name="adam", learning_rate=1e-3, momentum=0.9, weight_decay=0.0, schedule="cosine"),
        description="without weights: of that training",
    )
    low: float = Field(default=0.0, description="lowest value of its images")
    high: float = Field(default=1.0, description="highest value of its images")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low = {self.low} must be below high = {self.high}")
        if self.name not in ("srgan", "resnet", "imdn") and ":" not in self.name:
            raise ValueError(
                f"name = {self.name!r}: there are srgan, resnet and imdn, and module:function for your own"
            )
        return self


class SpaceSpec(Spec):
    """A ready space of networks; a space composed by the user is handed to `distill`."""

    name: Literal["super_resolution", "translation", "super_resolution_paper", "translation_paper"] = "super_resolution"
    width: int = Field(
        default=64, ge=8, description="channels of the widest choice (of the first convolution in translation)"
    )
    cells: int = Field(default=4, ge=1, description="super_resolution: residual cells; translation: blocks")
    layers: int = Field(default=3, ge=1, description="super_resolution: searched layers a cell")


class BackboneSpec(Spec):
    """The trained network that the perceptual and Gram terms, and the perceptual distance of the report, look through."""

    name: Literal["squeezenet", "vgg16", "vgg19"] = "squeezenet"
    weights: Path | None = Field(
        default=None, description="file of its weights, absolute or inside the data folder; without, there is none"
    )
    normalized: bool = Field(
        default=True, description="vgg: pixels normalised as ImageNet's; the paper's translation does not"
    )
