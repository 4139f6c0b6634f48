"""The shortcut around a residual block."""

from torch import nn


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The identity; where channels or size change, a 1x1 convolution with BatchNorm (option B of arXiv 1512.03385)."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
