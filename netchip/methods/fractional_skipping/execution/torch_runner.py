"""The routed form of the network in eager torch, with its time told apart, or with few bits run in full."""

import time
from typing import Any, cast

import torch
from torch import Tensor, nn

from netchip.methods.fractional_skipping.blocks.fractional_block import FractionalBlock
from netchip.methods.fractional_skipping.blocks.route import on_route
from netchip.methods.fractional_skipping.blocks.routed_form import RoutedForm
from netchip.methods.fractional_skipping.execution.spent import Spent
from netchip.methods.fractional_skipping.gates.protocol import Gate
from netchip.methods.fractional_skipping.network import FractionalNetwork


class TorchRunner:
    """Runs `network` as its own evaluation does; without `few_bits` all options but a skip run in full."""

    def __init__(self, network: FractionalNetwork, *, few_bits: bool = True) -> None:
        self.network, self.few_bits = network, few_bits

    @torch.no_grad()
    def __call__(self, images: Tensor, spent: Spent | None = None) -> Any:
        """The network's outputs on `images` [B, ...]; `spent` takes in where the time went."""
        network, spent = self.network, spent or Spent()
        began = time.perf_counter()
        state = cast("Gate", network.gate).begin(images)
        deciding = time.perf_counter() - began
        bias = network.logit_bias + network.forbidden
        route = _Watched(cast("Gate", network.gate), bias, state, min_group=network.min_group)
        route.few_bits = self.few_bits
        with on_route(route):
            outputs = network.model(images)
        spent.deciding_s += deciding + route.deciding_s
        spent.moving_s += route.through_s - route.deciding_s - route.computing_s
        spent.computing_s += time.perf_counter() - began - deciding - route.through_s + route.computing_s
        return outputs


class _Watched(RoutedForm):
    """A routed form that notes its seconds: in all, deciding, and in the blocks."""

    through_s = deciding_s = computing_s = 0.0
    few_bits = True

    def through(self, block: FractionalBlock, x: Tensor, rest: tuple[Any, ...]) -> Tensor:
        """As the routed form."""
        began = time.perf_counter()
        result = super().through(cast("FractionalBlock", _Watching(block, self)), x, rest)
        self.through_s += time.perf_counter() - began
        return result

    def _chosen(self, block: FractionalBlock, x: Tensor) -> list[int]:
        began = time.perf_counter()
        chosen = super()._chosen(block, x)
        self.deciding_s += time.perf_counter() - began
        return chosen


class _Watching:
    """What a routed form asks of a block, with the seconds of running it noted."""

    def __init__(self, block: FractionalBlock, route: _Watched) -> None:
        self._block, self._route = block, route
        self.index, self.options, self.skip, self.site = block.index, block.options, block.skip, block.site

    def run(self, option: int, x: Tensor, rest: tuple[Any, ...] = ()) -> Tensor:
        """As the block."""
        began = time.perf_counter()
        block: nn.Module = self._block.block
        in_full = not self._route.few_bits and option != self.skip
        result = block(x, *rest) if in_full else self._block.run(option, x, rest)
        self._route.computing_s += time.perf_counter() - began
        return result
