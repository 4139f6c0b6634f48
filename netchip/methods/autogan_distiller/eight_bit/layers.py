"""A convolution of 8-bit weights on 8-bit inputs, in floats that lie on the grids: one to train, one that holds int8.

Weights are symmetric, with a scale for each output channel, which in a transposed convolution is the second dimension.
Inputs have one step a layer, that of least squared error on calibration batches, fixed afterwards; it is saved with the
network. Biases, and what lies between convolutions, stay in floats.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from netchip.errors import ConfigError, ModelError
from netchip.nn.learned_step import LearnedStep
from netchip.nn.quantize import fake_quantize, levels_of, symmetric_grid

BITS = 8

Convolution = nn.Conv2d | nn.ConvTranspose2d


class TrainedConvolution(nn.Module):
    """`convolution` with weights and inputs put on their grids at every call; gradients pass straight through.

    The first batch in training mode, or `inputs.calibrate`, sets the inputs' step. The weights' scales follow the weights.
    """

    def __init__(self, convolution: Convolution) -> None:
        super().__init__()
        self.convolution = convolution
        self.inputs = _fixed_step()

    def forward(self, maps: Tensor) -> Tensor:
        """As the convolution, on what the grids leave of maps and weights."""
        weight = self.convolution.weight
        grid = symmetric_grid(weight, BITS, channel_dim=output_dimension(self.convolution))
        return convolved(self.convolution, self.inputs(maps), fake_quantize(weight, grid))


class StoredConvolution(nn.Module):
    """The same with the weights as int8 `levels` and a float `scale` for each output channel: what goes into the file.

    Made of a convolution it has its shape, and nothing in it yet; `taken` is the one that holds a trained layer's levels.
    """

    levels: Tensor
    scale: Tensor

    def __init__(self, convolution: Convolution) -> None:
        super().__init__()
        weight = convolution.weight
        self._shape = (convolution,)  # not registered: its float weights do not belong to this network
        self.register_buffer("levels", torch.zeros(weight.shape, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(_scale_shape(convolution)))
        self.register_buffer("bias", None if convolution.bias is None else convolution.bias.detach().clone())
        self.inputs = _fixed_step()

    @classmethod
    def taken(cls, trained: TrainedConvolution) -> "StoredConvolution":
        """The levels that `trained` uses now; raises `ConfigError` where its inputs were never calibrated."""
        if not trained.inputs.ready:
            raise ConfigError(
                "the inputs of a convolution were never calibrated; train a batch at 8 bits, or calibrate"
            )
        convolution = trained.convolution
        grid = symmetric_grid(convolution.weight, BITS, channel_dim=output_dimension(convolution))
        made = cls(convolution)
        made.levels.copy_(levels_of(convolution.weight, grid))
        made.scale.copy_(grid.scale)
        made.inputs.load_state_dict(trained.inputs.state_dict())
        return made

    @property
    def convolution(self) -> Convolution:
        """Whose stride, padding and groups these are."""
        return self._shape[0]

    def weight(self) -> Tensor:
        """The weights in floats: levels x scale."""
        return self.levels.to(self.scale.dtype) * self.scale

    def forward(self, maps: Tensor) -> Tensor:
        """Equal to that of the trained layer in evaluation, bit for bit."""
        bias = cast("Tensor | None", self.bias)
        return _convolved(self.convolution, self.inputs(maps), self.weight(), bias)


def output_dimension(convolution: Convolution) -> int:
    """The dimension of the weight that output channels lie along."""
    return 1 if isinstance(convolution, nn.ConvTranspose2d) else 0


def convolved(convolution: Convolution, maps: Tensor, weight: Tensor) -> Tensor:
    """`convolution` of `maps`, with another weight."""
    return _convolved(convolution, maps, weight, convolution.bias)


def _convolved(convolution: Convolution, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if isinstance(convolution, nn.ConvTranspose2d):
        return functional.conv_transpose2d(
            maps,
            weight,
            bias,
            convolution.stride,
            convolution.padding,  # pyright: ignore[reportArgumentType]
            convolution.output_padding,
            convolution.groups,
            convolution.dilation,
        )
    if convolution.padding_mode != "zeros":
        raise ModelError(
            f"a convolution with {convolution.padding_mode} padding has no 8-bit form here; pad by zeros, or by a layer before it"
        )
    return functional.conv2d(
        maps, weight, bias, convolution.stride, convolution.padding, convolution.dilation, convolution.groups
    )


def _scale_shape(convolution: Convolution) -> list[int]:
    kept, weight = output_dimension(convolution), convolution.weight
    return [size if dim == kept else 1 for dim, size in enumerate(weight.shape)]


def _fixed_step() -> LearnedStep:
    step = LearnedStep(BITS)
    step.step.requires_grad_(False)
    return step
