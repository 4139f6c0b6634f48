"""The settings of a fractional-skipping run. Sections are those of arXiv 2001.00705 where they are known."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from netchip.data.spec import DatasetSpec
from netchip.methods.fractional_skipping.control.budgets import share_of
from netchip.methods.fractional_skipping.options import FULL_BITS, PRESETS, OptionSet, parse_option
from netchip.models.spec import ModelSpec
from netchip.spec import Spec
from netchip.train.spec import OptimizerSpec, TrainSpec

Baseline = Literal["dense", "int8", "int4", "modal", "skipnet", "random", "early-exit"]


class FractionalSkippingConfig(Spec):
    """Train a backbone, gate its blocks, train both to a budget; the same for everything that is compared with."""

    seed: int = Field(
        default=1, ge=0, description="seed of initial weights, data order and augmentation; the split has its own"
    )
    data: DatasetSpec = DatasetSpec()
    model: ModelSpec = ModelSpec()
    train: TrainSpec = TrainSpec()
    backbone: Path | None = Field(
        default=None,
        description="trained weights of the plain network (a run's folder or .safetensors), in place of stage 1",
    )
    backbone_epochs: int = Field(
        default=160, ge=0, description="stage 1: epochs of the plain network; 0: from fresh weights"
    )
    backbone_optimizer: OptimizerSpec = OptimizerSpec()
    gate_epochs: int = Field(
        default=0, ge=0, description="stage 2: epochs of the gate alone, pushed to full; 0: its bias in closed form"
    )
    gate_optimizer: OptimizerSpec = OptimizerSpec(learning_rate=0.01)
    epochs: int = Field(default=160, ge=1, description="stage 3: epochs of all of it; baselines train as many")
    optimizer: OptimizerSpec = OptimizerSpec(learning_rate=0.01)
    options: str = Field(
        default="int8", description=f"a set ({', '.join(PRESETS)}), or a list such as 'skip, 4, 4x8, full'"
    )
    gate: Literal["recurrent", "feed_forward", "upfront"] = Field(
        default="recurrent",
        description="one LSTM over the depth (the paper), a network a block, or the whole route at once",
    )
    gate_first: bool = Field(default=False, description="gate the first residual block too; the paper always runs it")
    blocks: tuple[str, ...] = Field(
        default=(), description="name patterns of the blocks to gate, where they are not known by their class"
    )
    mode: Literal["modern", "paper", "paper_legacy"] = Field(
        default="modern",
        description="arithmetic of few bits: learned steps, the paper's min-max, or its released code's",
    )
    estimator: Literal["straight_through", "gumbel"] = Field(
        default="straight_through",
        description="how decisions are made in training; the paper's is straight-through argmax",
    )
    temperature: float = Field(
        default=1.0, gt=0, description="of the gate's softmax; gumbel divides its noise by it too"
    )
    candidates: Literal["all", "two"] = Field(
        default="all",
        description="options computed in training: all, or the one most take and another: cheaper, noisier",
    )
    costs: Literal["paper", "macs", "int8"] = Field(
        default="paper",
        description="what a decision costs: every block 1 and (b / reference)^2, or weighted by its MACs",
    )
    budgets: tuple[str, ...] = Field(
        default=("50%",),
        description="cost of the gated blocks to keep to, one training each; the first is also retargeted",
    )
    retarget: tuple[str, ...] = Field(
        default=(), description="budgets to which the first trained network is moved by a bias, without training"
    )
    controller: Literal["bias", "sign", "dead_band", "squared_hinge", "pi"] = Field(
        default="bias",
        description="what holds the budget: a bias on the gate (pi where it only skips), or a term of the loss; sign: the paper's",
    )
    strength: float = Field(
        default=1.0,
        gt=0,
        description="of the controller, on the cost as a share of the reference; of 'bias' twice its gain",
    )
    tolerance: float = Field(
        default=0.01, gt=0, lt=1, description="share of the reference by which a budget may be missed"
    )
    cap: str | None = Field(
        default=None, description="most that one input may cost, as a share; measured as a further arm"
    )
    baselines: tuple[Baseline, ...] = Field(default=("dense",), description="what to train beside it")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self.option_set()
        for budget in (*self.budgets, *self.retarget, *(() if self.cap is None else (self.cap,))):
            share_of(budget)
        for name in ("budgets", "retarget", "baselines"):
            listed = getattr(self, name)
            if len(set(listed)) < len(listed):
                raise ValueError(f"{name} = {listed} names one twice")
        if not self.budgets:
            raise ValueError("budgets: name at least one, such as 50%")
        if self.backbone is not None and self.backbone_epochs:
            raise ValueError("backbone is given, so backbone_epochs must be 0")
        return self

    def option_set(self) -> OptionSet:
        """The options; the reference is full where the list has it, else 8 bits. Raises `ConfigError` for no set."""
        if self.options in PRESETS:
            return PRESETS[self.options]
        parts = [parse_option(part) for part in self.options.split(",")]
        return OptionSet(parts, FULL_BITS if any(part.name == "full" for part in parts) else 8)
