"""ResNets of depth 6n+2 for CIFAR (He et al., arXiv 1512.03385, section 4.2): three stages of n blocks, 16-32-64 channels.

Where the size changes the shortcut is a 1x1 convolution with BatchNorm (option B of the paper). The paper's CIFAR
networks pad with zeros there (option A, no parameters); that ties the channels of one stage to a part of the next, so
that no stage could be cut by itself. Without the two projections the parameter counts are the paper's.
"""

from torch import Tensor, nn

from netchip.models.initialise import initialise
from netchip.models.shortcut import shortcut
from netchip.models.widths import scaled

DEPTHS = (8, 14, 20, 32, 38, 44, 56, 74, 110)
_WIDTHS = (16, 32, 64)


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut, ReLU after the sum."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.shortcut = shortcut(inputs, outputs, stride)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H / stride, W / stride]."""
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        return self.relu(inner + self.shortcut(maps))


class CifarResNet(nn.Module):
    """A 3x3 stem, stages at full, half and quarter size, global average pooling, one linear layer. Any image size."""

    def __init__(self, depth: int, *, classes: int, width: float, in_channels: int) -> None:
        super().__init__()
        sizes = [scaled(channels, width) for channels in _WIDTHS]
        self.conv1 = nn.Conv2d(in_channels, sizes[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(sizes[0])
        self.relu = nn.ReLU()
        blocks = (depth - 2) // 6
        self.layer1 = _stage(sizes[0], sizes[0], blocks, stride=1)
        self.layer2 = _stage(sizes[0], sizes[1], blocks, stride=2)
        self.layer3 = _stage(sizes[1], sizes[2], blocks, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(sizes[2], classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """[B, channels, H, W] -> [B, classes]."""
        maps = self.relu(self.bn1(self.conv1(images)))
        maps = self.layer3(self.layer2(self.layer1(maps)))
        return self.fc(self.pool(maps).flatten(1))


def _stage(inputs: int, outputs: int, blocks: int, *, stride: int) -> nn.Sequential:
    first = Block(inputs, outputs, stride)
    return nn.Sequential(first, *(Block(outputs, outputs, 1) for _ in range(blocks - 1)))
