"""A layer of the user's that runs on quantised weights and inputs; the layer itself stays as it is, and its weights too."""

from typing import Protocol

import torch
from torch import Tensor, nn

from netchip.methods.fractional_skipping.blocks.kept import Kept, may_keep
from netchip.nn.learned_step import LearnedStep
from netchip.nn.quantize import quantize_min_max
from netchip.nn.ranges import RunningRange

QUANTISED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
"""The layers that run at an option's bits; their subclasses too."""


class InputQuantiser(Protocol):
    """Puts a layer's inputs on a grid; `learning` is whether ranges may move."""

    def __call__(self, x: Tensor, learning: bool) -> Tensor:
        """`x` on the grid, of the same shape."""
        ...


class MinMaxInput:
    """The paper's: over the batch's mean extremes in training, over the running range in evaluation."""

    def __init__(self, running: RunningRange, bits: int, *, stochastic: bool) -> None:
        self.running, self.bits, self.stochastic = running, bits, stochastic

    def __call__(self, x: Tensor, learning: bool) -> Tensor:
        """`x` on 2^bits levels."""
        low, high = self.running.observe(x) if learning else self.running.kept()
        noise = torch.rand_like(x) - 0.5 if self.stochastic else None
        return quantize_min_max(x, low, high, self.bits, noise=noise)


class LearnedInput:
    """LSQ's: a step that the first batch sets and training moves."""

    def __init__(self, step: LearnedStep) -> None:
        self.step = step

    def __call__(self, x: Tensor, learning: bool) -> Tensor:
        """`x` on the learned grid; where it was never set, `learning` sets it."""
        if learning and not self.step.ready:
            self.step.calibrate(x)
        return self.step(x)


class QuantisedLayer(nn.Module):
    """Runs `layer` with quantised weights and inputs. It holds no parameter: those of the layer are read at every call.

    `weight_step` is the learned grid of the weights; None for the min-max grid of `weight_bits`. Biases stay in full.
    In evaluation without gradients the quantised weights are computed once, and again when the layer's change.
    """

    def __init__(
        self, layer: nn.Module, inputs: InputQuantiser, weight_bits: int, weight_step: LearnedStep | None
    ) -> None:
        super().__init__()
        # not registered: parameters belong to the user's block, steps to the fractional block
        self._held = (layer, inputs, weight_step)
        self.weight_bits = weight_bits
        self._plain = type(layer).forward in {each.forward for each in QUANTISED}
        self._kept = Kept()

    @property
    def layer(self) -> nn.Module:
        """The user's layer."""
        return self._held[0]

    @property
    def input_quantiser(self) -> InputQuantiser:
        """What its inputs pass."""
        return self._held[1]

    def weight(self) -> Tensor:
        """The quantised weight."""
        layer, _, step = self._held
        weight: Tensor = layer.weight  # pyright: ignore[reportAssignmentType]
        if not may_keep():
            return self._quantised(weight)
        sources = (weight,) if step is None else (weight, step.step)
        return self._kept.get("weight", sources, lambda: self._quantised(weight))

    def forward(self, x: Tensor) -> Tensor:
        """As the layer, on what its quantisers leave of `x` and of its weight."""
        layer = self.layer
        x, weight = self.input_quantiser(x, self.training), self.weight()
        if not self._plain:
            return torch.func.functional_call(layer, {"weight": weight}, (x,))
        if isinstance(layer, nn.Linear):
            return nn.functional.linear(x, weight, layer.bias)
        return layer._conv_forward(x, weight, layer.bias)  # pyright: ignore

    def forget(self) -> None:
        """Drops what was computed for evaluation."""
        self._kept.clear()

    def _quantised(self, weight: Tensor) -> Tensor:
        step = self._held[2]
        if step is not None:
            return step(weight)
        fixed = weight.detach()
        return quantize_min_max(weight, fixed.amin(), fixed.amax(), self.weight_bits)
