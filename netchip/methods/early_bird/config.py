"""The settings of an Early-Bird run. Sections are those of arXiv 1909.11957."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from netchip.data.spec import DatasetSpec
from netchip.methods.early_bird.masks.amounts import parse_latency, parse_macs
from netchip.models.spec import ModelSpec
from netchip.spec import Spec
from netchip.train.spec import OptimizerSpec, TrainSpec


class EarlyBirdConfig(Spec):
    """Search a ticket while training, cut it out, train it for the rest of the same epochs."""

    seed: int = Field(
        default=1, ge=0, description="seed of initial weights, data order and augmentation; the split has its own"
    )
    data: DatasetSpec = DatasetSpec()
    model: ModelSpec = ModelSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    train: TrainSpec = TrainSpec()
    epochs: int = Field(default=160, ge=1, description="epochs in all, search and ticket together (section 4.1)")
    ratio: tuple[float, ...] = Field(
        default=(0.5,),
        description="p: share of the channels to remove (section 3.1); several are searched in one training, one ticket each",
    )
    macs: str | None = Field(
        default=None, description='in place of ratio: MACs an image to keep to, "60%" (the share kept) or "250M"'
    )
    latency: str | None = Field(
        default=None,
        description='in place of ratio: measured latency to keep to, "60%" or "3.5 ms" (batch 1, 1 thread)',
    )
    importance: Literal["auto", "gamma", "l2", "taylor", "random"] = Field(
        default="auto", description="what ranks the channels; auto: gamma where there are BatchNorm scales, else l2"
    )
    stream: Literal["coupled", "full"] = Field(
        default="coupled",
        description="residual stream: cut everywhere, or kept whole with channels selected in front of convolutions (the paper's)",
    )
    counting: Literal["exact", "official"] = Field(
        default="exact", description="exact top-k, or the released code's strict threshold over every BatchNorm channel"
    )
    detector: Literal["official", "paper", "normalized", "widths"] = Field(
        default="official",
        description="rule that calls a mask stable (section 3.2 and detectors.py)",
    )
    eps: float = Field(
        default=0.1, gt=0, le=1, description="mask distance below which two masks count as equal (section 3.2)"
    )
    window: int = Field(
        default=5, ge=2, description="masks (official) or distances (paper) the rule looks at (section 3.2)"
    )
    l1: float = Field(default=1e-4, ge=0, description="s: weight of the L1 term on BatchNorm scales (section 3.1)")
    penalty: Literal["auto", "gradient", "proximal"] = Field(
        default="auto",
        description="form of the L1 term; auto: proximal for adam and adamw, which divide a gradient away",
    )
    min_share: float = Field(
        default=0.1, ge=0, lt=1, description="share of its channels that every layer keeps at least"
    )
    round_to: int = Field(default=1, ge=1, description="number of channels that widths are a multiple of")
    min_epochs: int = Field(default=0, ge=0, description="epochs before which no mask counts as stable")
    min_movement: float = Field(
        default=1e-4, ge=0, description="relative change of the scores below which a mask is no evidence"
    )
    every_steps: int | None = Field(
        default=None, ge=1, description="draw masks every so many optimizer steps instead of every epoch"
    )
    latest_epoch: int | None = Field(
        default=None,
        ge=1,
        description="draw the ticket after this epoch even when no mask is stable; the result then says so",
    )
    weights: Literal["inherit", "rewind", "reinit"] = Field(
        default="inherit",
        description="what the ticket starts from: weights at the draw, of rewind_epoch, or fresh ones",
    )
    rewind_epoch: int = Field(
        default=0, ge=0, description="epochs trained by the weights to rewind to; 0: the first weights"
    )
    search_precision: Literal["full", "bf16", "bfp8"] = Field(
        default="full",
        description="arithmetic of the search: as train.precision, bf16 autocast, or 8-bit block floating point (emulated)",
    )
    retrain_precision: Literal["full", "bf16", "bfp8"] = Field(
        default="full", description="arithmetic in which the ticket is trained, likewise"
    )
    controls: tuple[Literal["random", "late", "uniform"], ...] = Field(
        default=(),
        description="also train: as many random channels, a ticket drawn at the end, a narrower network of as many MACs",
    )
    dense_baseline: bool = Field(
        default=True, description="also train the uncut network for all epochs, to compare with"
    )

    @field_validator("ratio", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, (int, float)) else value

    @field_validator("ratio")
    @classmethod
    def _shares(cls, value: Sequence[float]) -> Sequence[float]:
        if not value or any(not 0.0 < each < 1.0 for each in value) or len(set(value)) < len(value):
            raise ValueError("give one or more different shares of channels to remove, each above 0 and below 1")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.macs is not None:
            parse_macs(self.macs)
        if self.latency is not None:
            parse_latency(self.latency)
        if self.latest_epoch is not None and self.latest_epoch > self.epochs:
            raise ValueError(f"latest_epoch = {self.latest_epoch} comes after the last of {self.epochs} epochs")
        if self.weights == "rewind" and self.rewind_epoch >= self.epochs:
            raise ValueError(f"rewind_epoch = {self.rewind_epoch} is not among the {self.epochs} epochs")
        if "late" in self.controls and self.importance == "taylor":
            raise ValueError(
                "controls 'late' scores a trained network, which importance 'taylor' cannot; leave one out"
            )
        for name in ("search_precision", "retrain_precision"):
            if getattr(self, name) == "bfp8" and self.optimizer.name != "sgd":
                raise ValueError(
                    f"{name} = 'bfp8' rounds what {self.optimizer.name} keeps of squared gradients to 8 bits, with which it was "
                    "measured not to train; use optimizer.name = 'sgd', as the paper does"
                )
        needed = self.window + 1 if self.detector == "paper" else self.window
        if self.every_steps is None and self.latest_epoch is None and needed >= self.epochs:
            raise ValueError(
                f"window = {self.window}: the rule {self.detector!r} needs {needed} masks, one an epoch; in {self.epochs} epochs "
                "that leaves nothing to train for what is drawn; use a smaller window, or set latest_epoch"
            )
        return self
