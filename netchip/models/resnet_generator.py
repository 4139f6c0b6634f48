"""The ResNet generator of CycleGAN (Zhu et al., arXiv 1703.10593, appendix 7.2), for images translated at their own size.

c7s1-64, d128, d256, nine residual blocks R256, u128, u64, c7s1-3, tanh, in that paper's notation. InstanceNorm without
parameters follows every convolution but the last; the first, the last and the blocks pad by reflection.
"""

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with InstanceNorm, ReLU between them, and the input added; nothing after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False)
        self.norm1 = nn.InstanceNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False)
        self.norm2 = nn.InstanceNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        return maps + self.norm2(self.conv2(self.relu(self.norm1(self.conv1(maps)))))


class ResNetGenerator(nn.Module):
    """Images in [-1, 1] to images in [-1, 1] of the same size; sides are multiples of 4, and at least 16.

    `width` is the channels of the first convolution (64 in the paper), `blocks` the residual blocks (9 there). Convolutions
    carry no bias, since InstanceNorm would take it away again; the last one, which has no norm, has none either.
    """

    def __init__(self, *, width: int = 64, blocks: int = 9, in_channels: int = 3, out_channels: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, width, 7, padding=3, padding_mode="reflect", bias=False),
            *_normed(width),
            nn.Conv2d(width, 2 * width, 3, 2, 1, bias=False),
            *_normed(2 * width),
            nn.Conv2d(2 * width, 4 * width, 3, 2, 1, bias=False),
            *_normed(4 * width),
        )
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width) for _ in range(blocks)))
        self.header = nn.Sequential(
            nn.ConvTranspose2d(4 * width, 2 * width, 3, 2, 1, output_padding=1, bias=False),
            *_normed(2 * width),
            nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1, bias=False),
            *_normed(width),
            nn.Conv2d(width, out_channels, 7, padding=3, padding_mode="reflect", bias=False),
            nn.Tanh(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H, W]."""
        return self.header(self.blocks(self.stem(images)))


def _normed(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm2d(channels), nn.ReLU()
