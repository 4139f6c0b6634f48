"""Pre-activation ResNets of depth 9n+2 with bottlenecks (He et al., arXiv 1603.05027) for CIFAR; n = 11 is Early-Bird's 101."""

from torch import Tensor, nn

from netchip.models.initialise import initialise
from netchip.models.vgg import SCALE_INIT
from netchip.models.widths import scaled

DEPTHS = (20, 29, 56, 83, 101, 110, 164)
_WIDTHS = (16, 32, 64)
_EXPANSION = 4


class Bottleneck(nn.Module):
    """BN-ReLU-1x1, BN-ReLU-3x3, BN-ReLU-1x1, added to the shortcut: the input, or a 1x1 convolution of it."""

    def __init__(self, inputs: int, inner: int, stride: int) -> None:
        super().__init__()
        outputs = inner * _EXPANSION
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.relu = nn.ReLU()
        same = stride == 1 and inputs == outputs
        self.downsample = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, 4 inner, H / stride, W / stride]."""
        inner = self.conv1(self.relu(self.bn1(maps)))
        inner = self.conv2(self.relu(self.bn2(inner)))
        inner = self.conv3(self.relu(self.bn3(inner)))
        return inner + self.downsample(maps)


class PreResNet(nn.Module):
    """A 3x3 stem, three stages of n bottlenecks, a last BN-ReLU, global average pooling, one linear layer. Any image size.

    BatchNorm scales start at 0.5, as in network slimming and Early-Bird.
    """

    def __init__(self, depth: int, *, classes: int, width: float, in_channels: int) -> None:
        super().__init__()
        stem, sizes = scaled(16, width), [scaled(channels, width) for channels in _WIDTHS]
        self.conv1 = nn.Conv2d(in_channels, stem, 3, 1, 1, bias=False)
        blocks = (depth - 2) // 9
        self.layer1 = _stage(stem, sizes[0], blocks, stride=1)
        self.layer2 = _stage(sizes[0] * _EXPANSION, sizes[1], blocks, stride=2)
        self.layer3 = _stage(sizes[1] * _EXPANSION, sizes[2], blocks, stride=2)
        self.bn = nn.BatchNorm2d(sizes[2] * _EXPANSION)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(sizes[2] * _EXPANSION, classes)
        initialise(self, scale=SCALE_INIT)

    def forward(self, images: Tensor) -> Tensor:
        """[B, channels, H, W] -> [B, classes]."""
        maps = self.layer3(self.layer2(self.layer1(self.conv1(images))))
        return self.fc(self.pool(self.relu(self.bn(maps))).flatten(1))


def _stage(inputs: int, inner: int, blocks: int, *, stride: int) -> nn.Sequential:
    first = Bottleneck(inputs, inner, stride)
    return nn.Sequential(first, *(Bottleneck(inner * _EXPANSION, inner, 1) for _ in range(blocks - 1)))
