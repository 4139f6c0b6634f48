"""From a gate's logits to a decision: one option a sample, and the gradient that passes by the decision."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from netchip.errors import DivergedError
from netchip.nn.straight_through import straight_through

Estimator = Literal["straight_through", "gumbel"]
ESTIMATORS = ("straight_through", "gumbel")


def hard_mask(logits: Tensor, estimator: Estimator = "straight_through", temperature: float = 1.0) -> Tensor:
    """[B, K]: exactly one 1 a row, at the largest logit (the lowest index of those that tie); backward as the softmax.

    "straight_through" is the paper's rule, the same in training and evaluation; "gumbel" adds Gumbel noise from torch's
    generator and divides by `temperature` (Jang et al., arXiv 1611.01144), for training. Logits are [B, K].
    """
    scores = (logits + gumbel_noise(logits)) / temperature if estimator == "gumbel" else logits
    chosen = torch.zeros_like(scores).scatter_(1, scores.argmax(1, keepdim=True), 1.0)
    return straight_through(chosen, scores.softmax(1)) if scores.requires_grad else chosen


def one_hot(routes: Tensor, options: int, like: Tensor) -> Tensor:
    """[B, K] of `like`'s type: 1 at each of `routes` [B]."""
    return torch.zeros(len(routes), options, dtype=like.dtype, device=like.device).scatter_(1, routes[:, None], 1.0)


def gumbel_noise(like: Tensor) -> Tensor:
    """Standard Gumbel noise of the shape of `like`."""
    return -torch.empty_like(like).exponential_().log_()


def first_largest(row: Sequence[float]) -> int:
    """The index of the largest number, the first of those that tie; -1 where one is NaN. For a row read from the device."""
    best, index = -math.inf, 0
    for at, value in enumerate(row):
        if value != value:
            return -1
        if value > best:
            best, index = value, at
    return index


def refuse_nan(block: str) -> DivergedError:
    """The error for NaN logits of the gate before `block`."""
    return DivergedError(
        f"the gate of block {block!r} gave NaN, so no option can be chosen there; the features it reads or its "
        "weights are not finite: lower the learning rate, or go back to the last good checkpoint"
    )


def check_logits(logits: Sequence[Tensor], blocks: Sequence[str]) -> None:
    """Raises `DivergedError` that names the first block whose logits hold NaN; one read from the device for all."""
    if not logits:
        return
    broken = torch.stack([each.detach().sum() for each in logits]).isnan()
    if bool(broken.any()):
        raise refuse_nan(blocks[int(broken.int().argmax())])
