"""MobileNetV2 (Sandler et al., arXiv 1801.04381, table 2)."""

from torch import Tensor, nn

from netchip.models.initialise import initialise
from netchip.models.widths import scaled

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
_SMALL_IMAGE = 64  # pixels; up to here the stem and the first two halvings keep the size, as is usual on CIFAR
_LAST = 1280


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, 1x1 projection without activation; a shortcut where the shapes allow one."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        layers = [] if expansion == 1 else [_conv(inputs, inner, kernel=1)]
        layers.append(_conv(inner, inner, kernel=3, stride=stride, groups=inner))
        self.layers = nn.Sequential(*layers, nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H / stride, W / stride]."""
        return maps + self.layers(maps) if self.has_shortcut else self.layers(maps)


class MobileNetV2(nn.Module):
    """Stem, seven stages of inverted residuals, a 1x1 convolution, global average pooling, one linear layer.

    Channels are rounded to multiples of 8; the last convolution never shrinks below 1,280. Images of up to 64 pixels are
    not halved in the stem, nor in the second and third stage.
    """

    def __init__(self, *, classes: int, width: float, image_size: int, in_channels: int) -> None:
        super().__init__()
        small = image_size <= _SMALL_IMAGE
        channels = scaled(32, width, 8)
        layers: list[nn.Module] = [_conv(in_channels, channels, kernel=3, stride=1 if small else 2)]
        for index, (expansion, wanted, blocks, stride) in enumerate(_STAGES):
            outputs = scaled(wanted, width, 8)
            first = 1 if small and index in (1, 2) else stride
            for block in range(blocks):
                layers.append(InvertedResidual(channels, outputs, first if block == 0 else 1, expansion))
                channels = outputs
        last = scaled(_LAST, max(1.0, width), 8)
        self.features = nn.Sequential(*layers, _conv(channels, last, kernel=1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(last, classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """[B, channels, H, W] -> [B, classes]."""
        return self.classifier(self.dropout(self.pool(self.features(images)).flatten(1)))


def _conv(inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))
