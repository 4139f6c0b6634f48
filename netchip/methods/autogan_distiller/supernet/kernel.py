"""A superkernel: one weight of the largest widths, whose first channels are the weight at every smaller width.

A slice computes what a plain convolution with the sliced weight computes, bit for bit: it goes through the same call on the same
contiguous numbers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from netchip.methods.autogan_distiller.space.modules import NEGATIVE_SLOPE, initialise_weight
from netchip.methods.autogan_distiller.space.operator import Conv

Segments = Sequence[tuple[int, int]]
"""Where the channels at hand lie among the widest input's: (first, how many), one each for the maps that were concatenated."""


class SuperKernel(nn.Module):
    """`conv` between at most `inputs` and at most `outputs` channels. `summed` says that a shortcut is added to its result."""

    def __init__(self, conv: Conv, inputs: int, outputs: int, *, summed: bool = False) -> None:
        super().__init__()
        self.conv = conv
        made, kernel = outputs * conv.shuffle**2, (conv.kernel, conv.kernel)
        shape = (made, 1) if conv.depthwise else (inputs, made) if conv.transposed else (made, inputs)
        self.weight = nn.Parameter(torch.empty(*shape, *kernel))
        initialise_weight(self.weight, conv, summed=summed)
        self.bias = nn.Parameter(torch.zeros(made)) if conv.bias else None

    def sliced(self, segments: Segments, outputs: int) -> tuple[Tensor, Tensor | None]:
        """The weight and the bias between the channels in `segments` and the first `outputs`."""
        made = outputs * self.conv.shuffle**2
        bias = None if self.bias is None else self.bias[:made]
        if self.conv.depthwise:
            return _rows(self.weight, segments, 0), bias
        if self.conv.transposed:
            return _rows(self.weight, segments, 0)[:, :made].contiguous(), bias
        return _rows(self.weight[:made], segments, 1), bias

    def forward(self, maps: Tensor, segments: Segments, outputs: int) -> Tensor:
        """[B, C, H, W] -> [B, outputs, H scale, W scale], with enlargement, PixelShuffle, norm and activation."""
        conv, (weight, bias) = self.conv, self.sliced(segments, outputs)
        if conv.enlarge > 1:
            maps = functional.interpolate(maps, scale_factor=conv.enlarge, mode="nearest")
        if conv.transposed:
            maps = functional.conv_transpose2d(maps, weight, bias, conv.stride, conv.padding, conv.output_padding)
        else:
            groups = maps.shape[1] if conv.depthwise else 1
            maps = functional.conv2d(maps, weight, bias, conv.stride, conv.padding, conv.dilation, groups)
        if conv.shuffle > 1:
            maps = functional.pixel_shuffle(maps, conv.shuffle)
        if conv.norm == "instance":
            maps = functional.instance_norm(maps)
        return activated(maps, conv.activation)


def activated(maps: Tensor, name: str) -> Tensor:
    """The activation called `name`."""
    if name == "relu":
        return functional.relu(maps)
    return functional.leaky_relu(maps, NEGATIVE_SLOPE) if name == "leaky_relu" else maps


def _rows(weight: Tensor, segments: Segments, dim: int) -> Tensor:
    parts = [weight.narrow(dim, first, count) for first, count in segments]
    return (parts[0] if len(parts) == 1 else torch.cat(parts, dim)).contiguous()
