"""The SRGAN generator for super-resolution (Ledig et al., arXiv 1609.04802), as leftthomas/SRGAN builds it.

Five residual blocks at the input's size, then factor-2 enlargements by PixelShuffle. Module names are that project's, so
that its trained weights load. Images go in as [0, 1] and come out as [0, 1].
"""

from math import log2
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from netchip.errors import ConfigError, ModelError


class ResidualBlock(nn.Module):
    """conv3x3 - BatchNorm - PReLU - conv3x3 - BatchNorm, and the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        return maps + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(maps)))))


class EnlargeBlock(nn.Module):
    """A 3x3 convolution to four times the channels, PixelShuffle by 2, PReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.pixel_shuffle = nn.PixelShuffle(2)
        self.prelu = nn.PReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, 2 H, 2 W]."""
        return self.prelu(self.pixel_shuffle(self.conv(maps)))


class SRGANGenerator(nn.Module):
    """`scale` times larger images, `scale` a power of two; `channels` wide, with `blocks` residual blocks.

    Raises `ConfigError` for a scale that is no power of two.
    """

    def __init__(self, scale: int = 4, *, channels: int = 64, blocks: int = 5) -> None:
        super().__init__()
        doublings = round(log2(scale)) if scale >= 1 else 0
        if 2**doublings != scale:
            raise ConfigError(f"scale = {scale}: PixelShuffle doubles the size, so give 1, 2, 4 or 8")
        self.scale, self._blocks = scale, blocks
        self.block1 = nn.Sequential(nn.Conv2d(3, channels, 9, padding=4), nn.PReLU())
        for index in range(blocks):
            self.add_module(f"block{index + 2}", ResidualBlock(channels))
        tail = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.PReLU())
        self.add_module(f"block{blocks + 2}", tail)
        enlarge = [EnlargeBlock(channels) for _ in range(doublings)]
        self.add_module(f"block{blocks + 3}", nn.Sequential(*enlarge, nn.Conv2d(channels, 3, 9, padding=4)))

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] -> [B, 3, scale H, scale W], all in [0, 1]."""
        first = maps = self.block1(images)
        for index in range(self._blocks + 1):
            maps = self.get_submodule(f"block{index + 2}")(maps)
        enlarged = self.get_submodule(f"block{self._blocks + 3}")(first + maps)
        return (torch.tanh(enlarged) + 1) / 2


def load_srgan(path: Path | str) -> SRGANGenerator:
    """The generator whose weights are in the safetensors file `path`, in eval mode; its size is read from the weights.

    Raises `ModelError`, which names the file, where it is missing or holds another network.
    """
    try:
        state = load_file(path)
        blocks = sum(name.endswith("conv1.weight") for name in state)
        doublings = sum(name.endswith(".conv.weight") for name in state)
        network = SRGANGenerator(2**doublings, channels=state["block1.0.weight"].shape[0], blocks=blocks)
        missing, unknown = network.load_state_dict(state, strict=False)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path}: no weights of an SRGAN generator can be read from it ({error})") from None
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unknown:
        raise ModelError(f"{path}: this is not an SRGAN generator; missing {missing[:3]}, unknown {unknown[:3]}")
    return network.eval()
