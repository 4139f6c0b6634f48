"""The settings of an Early-Bird run. Sections are those of arXiv 1909.11957."""

from typing import Literal

from pydantic import Field

from netchip.data.spec import DatasetSpec
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
    ratio: float = Field(default=0.5, gt=0, lt=1, description="p: share of the channels to remove (section 3.1)")
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
    min_share: float = Field(
        default=0.1, ge=0, lt=1, description="share of its channels that every layer keeps at least"
    )
    min_epochs: int = Field(default=0, ge=0, description="epochs before which no mask counts as stable")
    latest_epoch: int | None = Field(
        default=None,
        ge=1,
        description="draw the ticket after this epoch even when no mask is stable; the result then says so",
    )
    controls: tuple[Literal["random", "uniform"], ...] = Field(
        default=(), description="also train a random ticket, and a uniformly narrower network of as many MACs"
    )
    dense_baseline: bool = Field(
        default=True, description="also train the uncut network for all epochs, to compare with"
    )
