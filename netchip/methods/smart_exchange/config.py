"""The settings of a SmartExchange run. Sections are those of arXiv 2005.03403; "SmartDeal" is arXiv 2101.01163."""

from typing import Literal, Self

from pydantic import Field, model_validator

from netchip.data.spec import DatasetSpec
from netchip.methods.smart_exchange.training.settings import ActivationSettings, SmartExchangeSettings
from netchip.models.spec import ModelSpec
from netchip.spec import Spec
from netchip.train.spec import OptimizerSpec, TrainSpec

ArmName = Literal[
    "post-training", "post-training-rows", "projected", "straight-through", "bucket", "longer", "int8", "int4"
]
FACTORED: tuple[ArmName, ...] = ("post-training", "post-training-rows", "projected", "straight-through", "bucket")


class SmartExchangeConfig(Spec):
    """Train a dense network, bring it to factors in several ways, and compare with int8 and int4."""

    seed: int = Field(
        default=1, ge=0, description="seed of initial weights, data order and augmentation; the split has its own"
    )
    data: DatasetSpec = DatasetSpec()
    model: ModelSpec = ModelSpec()
    train: TrainSpec = TrainSpec()
    optimizer: OptimizerSpec = Field(default=OptimizerSpec(), description="of the dense training")
    epochs: int = Field(default=160, ge=1, description="epochs of the dense training")
    retrain: OptimizerSpec = Field(default=OptimizerSpec(), description="of every retraining (section III-D)")
    retrain_epochs: int = Field(default=60, ge=1, description="epochs of every retraining")
    exchange: SmartExchangeSettings = Field(
        default=SmartExchangeSettings(), description="how weights become factors; each arm sets the mode"
    )
    arms: tuple[ArmName, ...] = Field(
        default=("int8", "int4", "post-training", "post-training-rows", "bucket", "projected"),
        description="what the dense network is compared with, the run's own result last; post-training prunes no row, "
        "post-training-rows as many as the retrained arms; longer: dense training goes on",
    )
    frozen_share: float = Field(
        default=0.2, ge=0, le=1, description="share of the retraining at whose end only the basis trains; 0: none"
    )
    average_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the retraining at whose end weights are averaged (SmartDeal); 0: none",
    )
    activations: ActivationSettings = Field(
        default=ActivationSettings(), description="grid of the inputs of treated layers in the 8-bit accuracy"
    )
    calibration_batches: int = Field(default=8, ge=1, description="training batches that set the ranges of activations")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.arms or len(set(self.arms)) < len(self.arms):
            raise ValueError(f"arms = {self.arms}: name one or more, each once")
        if not set(self.arms) & set(FACTORED):
            raise ValueError(f"arms = {self.arms}: none of them makes factors; add 'post-training' or 'projected'")
        if self.activations.range == "moving":
            raise ValueError(
                "activations.range = 'moving' follows a training; a run calibrates, by minmax or percentile"
            )
        return self

    @property
    def own(self) -> ArmName:
        """The arm whose network is the run's result: the last that makes factors."""
        return next(arm for arm in reversed(self.arms) if arm in FACTORED)

    @property
    def freeze_at(self) -> int | None:
        """The retraining epoch from which on only the basis trains."""
        return _from(self.frozen_share, self.retrain_epochs)

    @property
    def average_from(self) -> int | None:
        """The retraining epoch from which on weights are averaged."""
        return _from(self.average_share, self.retrain_epochs)


def _from(share: float, epochs: int) -> int | None:
    """The epoch, counted from 0, at which the last `share` of `epochs` begins; None where it is empty."""
    last = round(share * epochs)
    return epochs - last if last else None
