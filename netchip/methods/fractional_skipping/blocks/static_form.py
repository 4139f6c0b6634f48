"""The static form: every option is computed for the whole batch, decisions are multipliers. For training and for capture."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from netchip.methods.fractional_skipping.blocks.fractional_block import FractionalBlock
from netchip.methods.fractional_skipping.decide import Estimator, hard_mask, one_hot
from netchip.methods.fractional_skipping.gates.protocol import Gate

Candidates = Literal["all", "two"]


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """How decisions are made in training.

    `candidates`: "all" options run for the whole batch, K - 1 passes; with "two" only the option that most of the batch takes
    and another, drawn at random, and samples choose between these: two passes. What the whole set would have chosen is still
    what the masks say.
    """

    estimator: Estimator = "straight_through"
    temperature: float = 1.0
    candidates: Candidates = "all"


@dataclass(eq=False)
class StaticForm:
    """One call. `bias` [L, K] is added to logits (minus infinity forbids); `forced` [B, L] or [1, L] are routes from outside,
    on the CPU."""

    gate: Gate
    bias: Tensor
    state: Any
    deciding: Deciding
    forced: Tensor | None = None
    masks: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    logits: dict[int, Tensor] = field(default_factory=dict[int, Tensor])

    def through(self, block: FractionalBlock, x: Tensor, rest: tuple[Any, ...]) -> Tensor:
        """The sum of the candidates, each times its mask; a single candidate as it is."""
        if self.forced is not None:
            routes = self.forced[:, block.index].expand(len(x)).to(x.device)
            mask, options = (
                self._note(block.index, one_hot(routes, len(block.options), x)),
                _present(self.forced, block.index),
            )
        else:
            mask, options = self._decide(block, x)
        candidates = block.candidates(options, x, rest)
        if len(options) == 1:
            return candidates[0]
        weights = mask.to(candidates[0].dtype).view(len(x), -1, *(1 for _ in range(candidates[0].ndim - 1)))
        total = candidates[0] * weights[:, options[0]]
        for option, candidate in zip(options[1:], candidates[1:], strict=True):
            total = torch.addcmul(total, candidate, weights[:, option])
        return total

    def _decide(self, block: FractionalBlock, x: Tensor) -> tuple[Tensor, Sequence[int]]:
        found, self.state = self.gate.step(block.index, x, self.state)
        logits = self.logits[block.index] = found + self.bias[block.index]
        mask = self._note(block.index, self._mask(logits))
        options = [
            option for option in range(len(block.options)) if option != block.options.skip or block.site.skippable
        ]
        if self.deciding.candidates == "all" or len(options) == 2 or not block.training:
            return mask, options
        options = _pair(mask.detach(), options)
        closed = torch.full_like(self.bias[block.index], -torch.inf)
        closed[options] = 0.0
        return self._mask(logits + closed), options

    def _mask(self, logits: Tensor) -> Tensor:
        training = torch.is_grad_enabled() and logits.requires_grad
        estimator = self.deciding.estimator if training else "straight_through"
        return hard_mask(logits, estimator, self.deciding.temperature)

    def _note(self, index: int, mask: Tensor) -> Tensor:
        self.masks[index] = mask
        return mask


def _present(forced: Tensor, index: int) -> list[int]:
    return sorted(set(forced[:, index].tolist()))


def _pair(mask: Tensor, options: Sequence[int]) -> list[int]:
    """The option that most samples of `mask` [B, K] take, and another at random."""
    shares = mask.sum(0)
    first = int(shares.argmax())
    others = [option for option in options if option != first]
    second = others[int(torch.randint(len(others), ()))]
    return sorted((first, second))
