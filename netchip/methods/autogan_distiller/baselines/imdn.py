"""A hand-made small network: information multi-distillation blocks (Hui et al., arXiv 1909.11856), for any scale.

For super-resolution it is IMDN in small, with a bicubic image added at the end. For images of their own size it works on
PixelUnshuffled maps, a quarter as large a side.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

_SLOPE = 0.05
_UNSHUFFLE = 4


class DistillationBlock(nn.Module):
    """Three 3x3 convolutions, each of which keeps a quarter of its channels back; what was kept, and a last quarter, are fused."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._kept, self._rest = channels, 3 * channels
        width = 4 * channels
        self.steps = nn.ModuleList(
            nn.Conv2d(width if index == 0 else self._rest, width, 3, padding=1) for index in range(3)
        )
        self.last = nn.Conv2d(self._rest, channels, 3, padding=1)
        self.attention = ContrastAttention(width)
        self.fuse = nn.Conv2d(width, width, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, 4 channels, H, W] -> the same."""
        kept, rest = [], maps
        for step in self.steps:
            part, rest = leaky_relu(step(rest), _SLOPE).split([self._kept, self._rest], 1)
            kept.append(part)
        fused = torch.cat([*kept, self.last(rest)], 1)
        return maps + self.fuse(self.attention(fused))


class ContrastAttention(nn.Module):
    """Channels weighted by the contrast (standard deviation plus mean) of their maps."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        small = max(1, channels // 16)
        self.gate = nn.Sequential(nn.Conv2d(channels, small, 1), nn.ReLU(), nn.Conv2d(small, channels, 1), nn.Sigmoid())

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] -> the same."""
        mean = maps.mean((2, 3), keepdim=True)
        deviation = ((maps - mean).square().mean((2, 3), keepdim=True) + 1e-8).sqrt()
        return maps * self.gate(deviation + mean)


class SmallIMDN(nn.Module):
    """`blocks` blocks of 4 x `channels` channels, then one PixelShuffle; `scale` 1 keeps the image's size (sides multiples of 4).

    `signed` ends in a tanh, for images in [-1, 1]; else the enlarged image is added, for images in [0, 1].
    """

    def __init__(
        self,
        scale: int,
        *,
        channels: int,
        blocks: int = 4,
        in_channels: int = 3,
        out_channels: int = 3,
        signed: bool = False,
    ) -> None:
        super().__init__()
        self.scale, self.signed = scale, signed
        self._added = not signed and in_channels == out_channels
        fold = _UNSHUFFLE if scale == 1 else 1
        width = 4 * channels
        self.head = nn.Sequential(nn.PixelUnshuffle(fold), nn.Conv2d(in_channels * fold**2, width, 3, padding=1))
        self.blocks = nn.ModuleList(DistillationBlock(channels) for _ in range(blocks))
        self.fuse = nn.Conv2d(blocks * width, width, 1)
        self.trunk = nn.Conv2d(width, width, 3, padding=1)
        enlarge = scale * fold
        last = nn.Conv2d(width, out_channels * enlarge**2, 3, padding=1)
        self.tail = nn.Sequential(last, nn.PixelShuffle(enlarge))
        if self._added:
            nn.init.zeros_(last.weight)

    def forward(self, images: Tensor) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, scale H, scale W]."""
        first = maps = self.head(images)
        made: list[Tensor] = []
        for block in self.blocks:
            maps = block(maps)
            made.append(maps)
        output = self.tail(first + self.trunk(leaky_relu(self.fuse(torch.cat(made, 1)), _SLOPE)))
        if self.signed:
            return output.tanh()
        if not self._added:
            return output
        base = (
            images
            if self.scale == 1
            else interpolate(images, scale_factor=self.scale, mode="bicubic", align_corners=False)
        )
        return output + base
