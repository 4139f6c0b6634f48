"""The paper's gate: one LSTM over the depth, shared by all blocks; only the projection of the features is a block's own.

Written with plain products, its state an argument and a result. In evaluation a block's projection and the LSTM's input
weights are one product, computed once: what a step costs at batch 1 decides whether skipping saves any time (40 us on a
2-core server as plain modules, 20 us so).
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.kept import Kept, may_keep
from netchip.methods.fractional_skipping.gates.pooling import pooled
from netchip.methods.fractional_skipping.gates.starting import FULL_ODDS, favour_full, paper_init
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape


class Fused(NamedTuple):
    """What a step in evaluation multiplies: for each block the LSTM's input weights times the projection ([4 H, C], [4 H]).

    There is no second bias; CUDA's kernel asks for one, and gets zeros.
    """

    inputs: tuple[tuple[Tensor, Tensor], ...]
    memory: Tensor
    second: Tensor | None
    head: Tensor
    bias: Tensor


class Memory(NamedTuple):
    """What a step hands to the next: the LSTM's output and cell, each [B, H], and in evaluation the products computed once."""

    hidden: Tensor | None
    cell: Tensor | None
    fused: Fused | None


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

    def begin(self, inputs: Tensor) -> Memory:
        """A memory of nothing, whose size the first features tell; in evaluation with the products that all steps use."""
        fused = self._kept.get("fused", self._sources(), self._fuse) if may_keep() else None
        return Memory(None, None, fused)

    def step(self, index: int, features: Tensor, state: Memory) -> tuple[Tensor, Memory]:
        """Logits [B, K] before block `index` from its features, and the memory for the next."""
        vector = pooled(features, self.channels[index])
        hidden, cell, fused = state
        if hidden is None or cell is None:
            hidden = cell = vector.new_zeros(
                vector.shape[0], self.cell.hidden_size
            )  # len() fixes the batch in an export
        if fused is None:
            return self._step(index, vector, hidden, cell)
        weight, bias = fused.inputs[index]
        hidden, cell = torch.lstm_cell(vector, (hidden, cell), weight, fused.memory, bias, fused.second)
        return linear(hidden, fused.head, fused.bias), Memory(hidden, cell, fused)

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

    def _step(self, index: int, vector: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Memory]:
        """The step as it is written in books, for training and capture."""
        lstm, projection = self.cell, cast("nn.Linear", self.projections[index])
        embedded = linear(vector, projection.weight, projection.bias)
        sums = linear(embedded, lstm.weight_ih, lstm.bias_ih) + linear(hidden, lstm.weight_hh, lstm.bias_hh)
        entering, forgetting, candidate, leaving = sums.chunk(4, 1)
        cell = torch.addcmul(forgetting.sigmoid() * cell, entering.sigmoid(), candidate.tanh())
        hidden = leaving.sigmoid() * cell.tanh()
        return linear(hidden, self.head.weight, self.head.bias), Memory(hidden, cell, None)

    def _sources(self) -> list[Tensor]:
        modules = (self.cell, self.head, *self.projections)
        return [each for module in modules for each in module._parameters.values() if each is not None]

    def _fuse(self) -> Fused:
        lstm, head = self.cell, self.head
        bias, weight = lstm.bias_ih + lstm.bias_hh, lstm.weight_ih
        projections = [cast("nn.Linear", each) for each in self.projections]
        return Fused(
            inputs=tuple((weight @ each.weight, weight @ each.bias + bias) for each in projections),
            memory=lstm.weight_hh.detach(),
            second=torch.zeros_like(bias) if bias.is_cuda else None,
            head=head.weight.detach(),
            bias=head.bias.detach(),
        )


def _check(channels: Sequence[int], options: int, embedding: int, hidden: int) -> None:
    if not channels:
        raise ConfigError("a gate needs at least one block to decide on")
    for name, size in (("options", options), ("embedding", embedding), ("hidden", hidden)):
        if type(size) is not int or size < 1:
            raise ConfigError(f"{name} = {size!r}: give a whole number of at least 1")
