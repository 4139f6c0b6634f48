"""Straight-through estimators: a step forward, the identity backward (Bengio et al., arXiv 1308.3432)."""

from torch import Tensor


def straight_through(value: Tensor, like: Tensor) -> Tensor:
    """`value` forward, the gradient of `like` backward; both of one shape. Exact: the forward result is `value` itself.

    (`like + (value - like).detach()` would round away the last bits of `value`.)
    """
    return value.detach() + (like - like.detach())


def round_ste(x: Tensor) -> Tensor:
    """Rounds to whole numbers, halves to even; gradient 1 everywhere."""
    return straight_through(x.round(), x)


def floor_ste(x: Tensor) -> Tensor:
    """Rounds down; gradient 1 everywhere."""
    return straight_through(x.floor(), x)
