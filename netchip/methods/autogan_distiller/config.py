"""The settings of an AutoGAN-Distiller run. Sections are those of arXiv 2006.08198."""

from typing import Literal, Self

from pydantic import Field, model_validator

from netchip.methods.autogan_distiller.costing.budgets import parse_budget
from netchip.methods.autogan_distiller.images.spec import ImagesSpec
from netchip.methods.autogan_distiller.spec import (
    BackboneSpec,
    EightBitSpec,
    FeatureSpec,
    FinalSpec,
    SearchSpec,
    SpaceSpec,
    TeacherSpec,
)
from netchip.spec import Spec
from netchip.train.spec import TrainSpec

Control = Literal["random", "uniform", "slimmed", "hand-made"]


class AutoganDistillerConfig(Spec):
    """Search the student of a trained generator within a budget, train it by distillation, compare it with baselines."""

    seed: int = Field(default=1, ge=0, description="seed of weights, draws, crops and order; hold-outs have their own")
    images: ImagesSpec = ImagesSpec()
    teacher: TeacherSpec = TeacherSpec()
    space: SpaceSpec = SpaceSpec()
    budget: str = Field(
        default="10%",
        description='hard: a share of the teacher\'s MACs ("10%"), "9 GMACs", "1.2 MB", "3.5 ms" measured on this device',
    )
    further_budgets: tuple[str, ...] = Field(
        default=(), description="further students of the same search, in the same measure: a front"
    )
    measure: Literal["macs", "parameters", "bytes", "latency"] | None = Field(
        default=None, description="what a share is a share of; by default MACs, or what the budget's unit says"
    )
    cost_size: int = Field(
        default=128, ge=8, le=1024, description="side in pixels of the input that costs are counted at"
    )
    backbone: BackboneSpec = BackboneSpec()
    targets: Literal["cached", "online"] = Field(
        default="cached", description="the teacher's answers: to fixed crops and kept on disk, or asked at every step"
    )
    search: SearchSpec = SearchSpec()
    final: FinalSpec = FinalSpec()
    features: FeatureSpec = FeatureSpec()
    eight_bit: EightBitSpec = EightBitSpec()
    controls: tuple[Control, ...] = Field(
        default=("random", "uniform", "slimmed", "hand-made"), description="networks of equal cost trained alike"
    )
    random_networks: int = Field(default=5, ge=1, description="how many random networks the control 'random' trains")
    chips: tuple[str, ...] = Field(
        default=("edge-npu", "eyeriss"),
        description="chips that energy and latency of teacher and student are modelled on",
    )
    train: TrainSpec = TrainSpec()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for written in (self.budget, *self.further_budgets):
            parse_budget(written, self.measure)
        if self.features.layers and self.targets != "online":
            raise ValueError('features.layers are compared as the teacher answers; set targets = "online"')
        for name, spec in (("search", self.search.objective), ("final", self.final.objective)):
            if spec.layers and self.backbone.weights is None:
                raise ValueError(f"{name}.objective has perceptual or Gram terms, which need backbone.weights, a file")
        return self
