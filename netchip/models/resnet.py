"""ResNet-18 and ResNet-50 (He et al., arXiv 1512.03385).

Layers are named as in torchvision, and the stride of a bottleneck lies in its 3x3 convolution, as there.
"""

from torch import Tensor, nn

from netchip.models.initialise import initialise
from netchip.models.shortcut import shortcut
from netchip.models.widths import scaled

_WIDTHS = (64, 128, 256, 512)
_BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
_SMALL_IMAGE = 64  # pixels; up to here the stem is a plain 3x3 convolution, as is usual on CIFAR and Tiny-ImageNet


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, inner: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, inner, stride)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, inner, H / stride, W / stride]."""
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        return self.relu(inner + self.downsample(maps))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut; four times as many outputs as inner channels."""

    expansion = 4

    def __init__(self, inputs: int, inner: int, stride: int) -> None:
        super().__init__()
        outputs = inner * self.expansion
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, outputs, stride)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, 4 inner, H / stride, W / stride]."""
        inner = self.relu(self.bn1(self.conv1(maps)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        return self.relu(self.bn3(self.conv3(inner)) + self.downsample(maps))


class ResNet(nn.Module):
    """Stem, four stages, global average pooling, one linear layer.

    The stem is 7x7 with stride 2 and a max-pool; for images of up to 64 pixels a 3x3 with stride 1 and no pool.
    """

    def __init__(self, depth: int, *, classes: int, width: float, image_size: int, in_channels: int) -> None:
        super().__init__()
        block = BasicBlock if depth == 18 else Bottleneck
        sizes = [scaled(channels, width) for channels in _WIDTHS]
        small = image_size <= _SMALL_IMAGE
        self.conv1 = nn.Conv2d(
            in_channels, sizes[0], 3 if small else 7, 1 if small else 2, 1 if small else 3, bias=False
        )
        self.bn1 = nn.BatchNorm2d(sizes[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        stages, channels = [], sizes[0]
        for inner, blocks, stride in zip(sizes, _BLOCKS[depth], (1, 2, 2, 2), strict=True):
            stages.append(_stage(block, channels, inner, blocks, stride))
            channels = inner * block.expansion
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """[B, channels, H, W] -> [B, classes]."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return self.fc(self.avgpool(maps).flatten(1))


def _stage(
    block: type[BasicBlock] | type[Bottleneck], inputs: int, inner: int, blocks: int, stride: int
) -> nn.Sequential:
    first = block(inputs, inner, stride)
    return nn.Sequential(first, *(block(inner * block.expansion, inner, 1) for _ in range(blocks - 1)))
