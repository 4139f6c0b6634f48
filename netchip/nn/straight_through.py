"""Straight-through estimators: a step forward, the identity backward (Bengio et al., arXiv 1308.3432)."""

from typing import Any

import torch
from torch import Tensor


class _StraightThrough(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(value: Tensor, like: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return value.view_as(value)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return None, gradient


def straight_through(value: Tensor, like: Tensor) -> Tensor:
    """`value` forward, the gradient of `like` backward; both of one shape. Exact: the forward result is `value` itself.

    (`like + (value - like).detach()` would round away the last bits of `value`, and costs three passes over it.)
    """
    if not like.requires_grad or not torch.is_grad_enabled():
        return value.detach()
    return _StraightThrough.apply(value.detach(), like)  # pyright: ignore[reportReturnType]


def round_ste(x: Tensor) -> Tensor:
    """Rounds to whole numbers, halves to even; gradient 1 everywhere."""
    return straight_through(x.round(), x)


def floor_ste(x: Tensor) -> Tensor:
    """Rounds down; gradient 1 everywhere."""
    return straight_through(x.floor(), x)
