"""The paper's gate: one LSTM over the depth, shared by all blocks; only the projection of the features is a block's own.

Written with plain products, its state an argument and a result. In evaluation a block's projection and the LSTM's input
weights are one product, computed once: what a step costs at batch 1 decides whether skipping saves any time.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.kept import Kept, may_keep
from netchip.methods.fractional_skipping.gates.pooling import pooled
from netchip.methods.fractional_skipping.gates.starting import FULL_ODDS, favour_full, paper_init
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

State = tuple[Tensor, Tensor]


class RecurrentGate(nn.Module):
    """Logits of K options before each block, from pooled features and an LSTM's memory of the blocks before.

    `channels` [L] are those of the features that enter each gated block. `embedding` and `hidden` are 10 in the paper.
    `full_odds`: how far ahead the full option starts; None leaves the released code's start. `after_last`: channels
    that leave the last block, for the projection that the released code has there and never uses (it is frozen).

    Weights are those of `nn.LSTMCell` in its order (input, forget, cell, output), and load from one.
    """

    upfront = False

    def __init__(
        self,
        channels: Sequence[int],
        options: int,
        *,
        embedding: int = 10,
        hidden: int = 10,
        full_odds: float | None = FULL_ODDS,
        after_last: int | None = None,
    ) -> None:
        super().__init__()
        _check(channels, options, embedding, hidden)
        self.channels, self.options = tuple(channels), options
        widths = (*channels, *(() if after_last is None else (after_last,)))
        projections = [nn.Linear(width, embedding) for width in widths]
        self.projections = nn.ModuleList(projections)
        self.cell = nn.LSTMCell(embedding, hidden)
        self.head = nn.Linear(hidden, options)
        paper_init(self.head)
        for projection in projections:
            nn.init.normal_(projection.weight, 0.0, (2.0 / embedding) ** 0.5)
        if after_last is not None:
            projections[-1].requires_grad_(False)
        if full_odds is not None:
            favour_full(self.head.bias, options, full_odds)
        self._kept = Kept()

    def begin(self, inputs: Tensor) -> State | None:
        """Nothing: before the first block the memory is zero, of a size that its features tell."""
        return None

    def step(self, index: int, features: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Logits [B, K] before block `index` from its features, and the memory (hidden, cell), each [B, hidden]."""
        vector = pooled(features, self.channels[index])
        if state is None:
            zero = vector.new_zeros(len(vector), self.cell.hidden_size)
            state = (zero, zero)
        sums = self._sums(index, vector, state[0])
        entering, forgetting, candidate, leaving = sums.chunk(4, 1)
        cell = torch.addcmul(forgetting.sigmoid() * state[1], entering.sigmoid(), candidate.tanh())
        hidden = leaving.sigmoid() * cell.tanh()
        return linear(hidden, self.head.weight, self.head.bias), (hidden, cell)

    def layers(self, inputs: tuple[int, ...]) -> tuple[Layer, ...]:
        """For each block the projection, the LSTM's product and the head."""
        embedding, hidden = self.cell.input_size, self.cell.hidden_size
        found: list[Layer] = []
        for index, width in enumerate(self.channels):
            sizes = {"projection": (width, embedding), "cell": (embedding + hidden, 4 * hidden)}
            sizes["head"] = (hidden, self.options)
            found += [
                Layer(f"gate.{index}.{name}", LayerShape.linear(in_features=rows, out_features=columns))
                for name, (rows, columns) in sizes.items()
            ]
        return tuple(found)

    def train(self, mode: bool = True) -> "RecurrentGate":
        """As for every module; what was computed for evaluation is dropped."""
        self._kept.clear()
        return super().train(mode)

    def _sums(self, index: int, vector: Tensor, hidden: Tensor) -> Tensor:
        """[B, 4 hidden]: what enters the LSTM's four gates."""
        cell, projection = self.cell, cast(nn.Linear, self.projections[index])
        if may_keep():
            sources = (projection.weight, projection.bias, cell.weight_ih, cell.bias_ih, cell.bias_hh)
            weight, bias = self._kept.get(index, sources, lambda: self._product(index))
            from_input = torch.addmm(bias, vector, weight)
        else:
            embedded = linear(vector, projection.weight, projection.bias)
            from_input = linear(embedded, cell.weight_ih, cell.bias_ih) + cell.bias_hh
        return from_input + linear(hidden, cell.weight_hh)

    def _product(self, index: int) -> tuple[Tensor, Tensor]:
        """The projection and the LSTM's input weights as one: ([C, 4 hidden], [4 hidden])."""
        cell, projection = self.cell, cast(nn.Linear, self.projections[index])
        bias = cell.weight_ih @ projection.bias + cell.bias_ih + cell.bias_hh
        return (cell.weight_ih @ projection.weight).t().contiguous(), bias


def _check(channels: Sequence[int], options: int, embedding: int, hidden: int) -> None:
    if not channels:
        raise ConfigError("a gate needs at least one block to decide on")
    for name, size in (("options", options), ("embedding", embedding), ("hidden", hidden)):
        if type(size) is not int or size < 1:
            raise ConfigError(f"{name} = {size!r}: give a whole number of at least 1")
