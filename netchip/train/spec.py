"""Settings of training, as plain values; no torch is imported here."""

from typing import Literal, Self

from pydantic import Field, model_validator

from netchip.spec import Spec, neutral


class OptimizerSpec(Spec):
    """An optimizer and its learning-rate schedule, flat. The rate is a pure function of the epoch and the step."""

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: float = Field(default=0.1, gt=0, description="the highest learning rate of the schedule")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="momentum of sgd, beta1 of adam and adamw")
    weight_decay: float = Field(default=1e-4, ge=0, description="decay of all parameters (decoupled in adamw)")
    nesterov: bool = Field(default=False, description="Nesterov momentum; sgd only")
    schedule: Literal["constant", "multistep", "cosine", "onecycle"] = "constant"
    milestones: tuple[int, ...] = Field(
        default=(), description="multistep: epochs at which the rate is multiplied by factor"
    )
    factor: float = Field(
        default=0.1, gt=0, le=1, description="multistep: what the rate is multiplied by at a milestone"
    )
    warmup_epochs: float = Field(
        default=0.0, ge=0, description="epochs in which the rate climbs linearly; not for onecycle, which has its own"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.schedule == "multistep" and not self.milestones:
            raise ValueError("schedule 'multistep' needs milestones, such as (80, 120)")
        if list(self.milestones) != sorted(set(self.milestones)) or any(epoch < 1 for epoch in self.milestones):
            raise ValueError(
                f"milestones {self.milestones} must be epochs of at least 1, each later than the one before"
            )
        if self.nesterov and (self.name != "sgd" or self.momentum == 0):
            raise ValueError("nesterov needs name 'sgd' and a momentum above 0")
        return self


class TrainSpec(Spec):
    """How training runs on this machine. Only `precision` and `accumulate` can change a result."""

    device: Literal["auto", "cpu", "cuda", "mps"] = neutral("auto")
    precision: Literal["no", "bf16", "fp16"] = Field(default="no", description="mixed precision; fp16 needs a GPU")
    accumulate: int = Field(
        default=1,
        ge=1,
        description="micro batches a process cuts its share of a batch into; one optimizer step a batch",
    )
    threads: int | None = neutral(
        None, ge=1, description="CPU threads of torch; bit-equal resume holds at an equal count"
    )
    channels_last: bool = neutral(
        False, description="weights and images channels last in memory: up to twice as fast on CUDA, of other rounding"
    )
    deterministic: bool = neutral(
        False, description="CUDA: the same bytes at every run, by slower kernels; on a CPU they are the same anyway"
    )
    checkpoint_seconds: float = neutral(
        60.0, ge=0, description="s between checkpoints inside an epoch; 0 = after every step"
    )
    log_every: int = neutral(
        50, ge=1, description="steps between lines of metrics.jsonl and checks that the loss is finite"
    )
    tensorboard: bool = neutral(False, description="also write TensorBoard events (netchip[track])")
    progress: Literal["auto", "bar", "plain", "quiet"] = neutral("auto")
