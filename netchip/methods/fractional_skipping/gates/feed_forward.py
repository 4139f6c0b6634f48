"""A gate a block, without memory: pooled features through one hidden layer (as in ConvNet-AIG, arXiv 1711.11503)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.gates.pooling import pooled
from netchip.methods.fractional_skipping.gates.starting import FULL_ODDS, favour_full, paper_init
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape


class FeedForwardGate(nn.Module):
    """Logits of K options before each block from that block's features alone; `channels` [L], `hidden` units each."""

    upfront = False

    def __init__(
        self, channels: Sequence[int], options: int, *, hidden: int = 16, full_odds: float = FULL_ODDS
    ) -> None:
        super().__init__()
        if not channels or options < 1 or hidden < 1:
            raise ConfigError(
                f"channels = {list(channels)}, options = {options}, hidden = {hidden}: give at least 1 of each"
            )
        self.channels, self.options, self.hidden = tuple(channels), options, hidden
        self.first = nn.ModuleList(nn.Linear(width, hidden) for width in channels)
        heads = [nn.Linear(hidden, options) for _ in channels]
        for head in heads:
            paper_init(head)
            favour_full(head.bias, options, full_odds)
        self.heads = nn.ModuleList(heads)

    def begin(self, inputs: Tensor) -> None:
        """Nothing: there is no memory."""

    def step(self, index: int, features: Tensor, state: None) -> tuple[Tensor, None]:
        """Logits [B, K] before block `index` from its features."""
        vector = pooled(features, self.channels[index])
        return self.heads[index](torch.relu(self.first[index](vector))), None

    def layers(self, inputs: tuple[int, ...]) -> tuple[Layer, ...]:
        """Two products a block."""
        return tuple(
            Layer(f"gate.{index}.{name}", LayerShape.linear(in_features=rows, out_features=columns))
            for index, width in enumerate(self.channels)
            for name, rows, columns in (("first", width, self.hidden), ("head", self.hidden, self.options))
        )
