"""The whole route at once, as BlockDrop's policy (arXiv 1711.08393): known before execution, so that one look at the device
is enough and samples can be sorted by route.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.gates.starting import FULL_ODDS, favour_full
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

Source = Literal["input", "stem"]
_GRID = 4


class UpfrontGate(nn.Module):
    """Logits [B, L, K] of all blocks from the network's input [B, C, H, W], or from the maps that enter the first block.

    From the "input": two 3x3 convolutions of stride 2 with `width` and `2 width` channels come first. From the "stem" there
    is no convolution. Then means over a 4 x 4 grid, a hidden layer, and L K logits. `channels` [L] are those of the features
    that enter each block, of which the first matter here.
    """

    upfront = True

    def __init__(
        self,
        channels: Sequence[int],
        options: int,
        *,
        source: Source = "stem",
        image_channels: int = 3,
        hidden: int = 32,
        width: int = 8,
        full_odds: float = FULL_ODDS,
    ) -> None:
        super().__init__()
        if source not in ("input", "stem"):
            raise ConfigError(f"source = {source!r}: the route is decided from the 'input' or from the 'stem'")
        if min(len(channels), options, hidden, width, image_channels) < 1:
            raise ConfigError("an upfront gate needs at least 1 block, option, hidden unit, channel and image channel")
        self.blocks, self.options, self.source = len(channels), options, source
        eyes = [nn.Conv2d(image_channels, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU()]
        self.eyes = nn.Sequential(*(eyes if source == "input" else []))
        self.first = nn.Linear((2 * width if source == "input" else channels[0]) * _GRID**2, hidden)
        self.head = nn.Linear(hidden, self.blocks * options)
        nn.init.normal_(self.head.weight, 0.0, (2.0 / (hidden * options)) ** 0.5)
        favour_full(self.head.bias, options, full_odds)

    def begin(self, inputs: Tensor) -> Tensor | None:
        """All logits [B, L, K] where they come from the input."""
        return self._plan(inputs) if self.source == "input" else None

    def step(self, index: int, features: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits [B, K] before block `index`; those of all blocks [B, L, K] are the state."""
        plan = self._plan(features) if state is None else state
        return plan[:, index], plan

    def layers(self, inputs: tuple[int, ...]) -> tuple[Layer, ...]:
        """The convolutions on an input [C, H, W], and the two products."""
        found: list[Layer] = []
        size = (inputs[1], inputs[2])
        for name, conv in self.eyes.named_children():
            if isinstance(conv, nn.Conv2d):
                shape = LayerShape.conv(
                    in_channels=conv.in_channels,
                    out_channels=conv.out_channels,
                    in_size=size,
                    kernel=(3, 3),
                    stride=(2, 2),
                    padding=(1, 1),
                )
                found.append(Layer(f"gate.eyes.{name}", shape))
                size = (shape.out_height, shape.out_width)
        for name, linear in (("first", self.first), ("head", self.head)):
            shape = LayerShape.linear(in_features=linear.in_features, out_features=linear.out_features)
            found.append(Layer(f"gate.{name}", shape))
        return tuple(found)

    def _plan(self, maps: Tensor) -> Tensor:
        if maps.ndim != 4:
            raise ConfigError(f"an upfront gate reads maps [B, C, H, W] and got {tuple(maps.shape)}; use another gate")
        grid = nn.functional.adaptive_avg_pool2d(self.eyes(maps), _GRID)
        return self.head(torch.relu(self.first(grid.flatten(1)))).unflatten(1, (self.blocks, self.options))
