"""The arithmetic of a training phase: full precision, bf16 autocast, or the paper's 8-bit block floating point, emulated."""

from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from netchip.methods.early_bird.low_precision.block_floating_point import BlockFloatingPoint
from netchip.train.spec import TrainSpec

PrecisionName = Literal["full", "bf16", "bfp8"]
EMULATED = "8-bit block floating point, emulated in float32: its seconds and joules are those of the emulation"


class Arithmetic:
    """What a phase does to its numbers after backward and after the step; nothing but for "bfp8"."""

    def __init__(self, precision: PrecisionName, model: nn.Module, seed: int) -> None:
        self._blocks = BlockFloatingPoint(model, seed=seed) if precision == "bfp8" else None

    def after_backward(self) -> None:
        """Rounds the gradients, the pull included."""
        if self._blocks is not None:
            self._blocks.after_backward()

    def after_step(self, optimizer: Any) -> None:
        """Rounds the weights, then the momentum."""
        if self._blocks is not None:
            self._blocks.after_step(optimizer)

    def remove(self) -> None:
        """Takes the rounding of activations and errors off the network."""
        if self._blocks is not None:
            self._blocks.remove()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed phase needs to round alike."""
        return {} if self._blocks is None else self._blocks.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes it up."""
        if self._blocks is not None:
            self._blocks.load_state_dict(dict(state))


def training_spec(spec: TrainSpec, precision: PrecisionName) -> TrainSpec:
    """The settings of a phase in that arithmetic: autocast for "bf16", float32 under the emulation, else as they are."""
    return spec.changed(precision={"full": spec.precision, "bf16": "bf16", "bfp8": "no"}[precision])
