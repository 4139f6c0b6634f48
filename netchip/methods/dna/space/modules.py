"""The modules of the ready-made blocks: inverted residuals with groups, and a way past them."""

from collections import OrderedDict

from torch import Tensor, nn


class ChannelShuffle(nn.Module):
    """Interleaves the channels of `groups` groups, so that the next grouped layer sees all of them (arXiv 1707.01083)."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] -> the same, channel (g, i) at place (i, g)."""
        batch, channels, height, width = maps.shape
        parts = maps.reshape(batch, self.groups, channels // self.groups, height, width)
        return parts.transpose(1, 2).reshape(batch, channels, height, width)


class InvertedResidual(nn.Module):
    """1x1 expansion, shuffle where there are groups, depthwise kernel, 1x1 projection; a shortcut where shapes agree."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, expansion: int, groups: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = convolution(inputs, inner, groups=groups)
        self.shuffle = ChannelShuffle(groups) if groups > 1 else nn.Identity()
        self.depthwise = convolution(inner, inner, kernel=kernel, stride=stride, groups=inner)
        self.project = convolution(inner, outputs, groups=groups, active=False)
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H / stride, W / stride]."""
        made = self.project(self.depthwise(self.shuffle(self.expand(maps))))
        return maps + made if self.has_shortcut else made


def convolution(
    inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True
) -> nn.Sequential:
    """A convolution that keeps the size but for the stride, BatchNorm, and ReLU where `active`; weights by He et al. (fan-out)."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    parts = OrderedDict[str, nn.Module](conv=conv, norm=nn.BatchNorm2d(outputs))
    if active:
        parts["relu"] = nn.ReLU()
    return nn.Sequential(parts)
