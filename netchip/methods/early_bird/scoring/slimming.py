"""The pull that makes channels small: an L1 term on BatchNorm scales (network slimming; Early-Bird, section 3.1), or, where
weights are scored instead, a group lasso on the filters that make a channel.

Both come as a gradient, added between backward and step, and in the proximal form, applied after the step: an adaptive
optimizer divides the gradient by its own size, so that of the term little is left, while the proximal step is what it is.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from netchip.graph.optimizer_state import inner_optimizers


@torch.no_grad()
def add_slimming_gradient(norms: Sequence[nn.Module], l1: float) -> None:
    """Adds `l1 * sign(gamma)` in place to the gradient of each norm's weight [C]; sign(0) = 0; those without one are left.

    One fused operation over all layers. The loss that is logged does not hold the term.
    """
    scales = [norm.weight for norm in norms if isinstance(norm.weight, Tensor) and norm.weight.grad is not None]
    gradients = [scale.grad for scale in scales]
    if scales and l1:
        torch._foreach_add_(gradients, torch._foreach_sign(scales), alpha=l1)  # pyright: ignore


@torch.no_grad()
def shrink_scales(norms: Sequence[nn.Module], l1: float, rates: Mapping[Tensor, float]) -> None:
    """gamma <- sign(gamma) max(|gamma| - rate l1, 0) in place: the proximal step of the L1 term at each scale's learning rate.

    Scales that `rates` does not know belong to no optimizer and are left.
    """
    for norm in norms:
        scale = norm.weight
        if isinstance(scale, Tensor) and (threshold := rates.get(scale, 0.0) * l1):
            scale.copy_(nn.functional.softshrink(scale, threshold))


@torch.no_grad()
def add_lasso_gradient(filters: Iterable[tuple[nn.Parameter, int]], l1: float) -> None:
    """Adds `l1 * w / |w|` to the gradient of every filter: each index of dimension `dim` of the given weights."""
    for weight, dim in filters:
        if weight.grad is not None and l1:
            weight.grad.addcdiv_(weight, _lengths(weight, dim).clamp_min_(1e-12), value=l1)


@torch.no_grad()
def shrink_filters(filters: Iterable[tuple[nn.Parameter, int]], l1: float, rates: Mapping[Tensor, float]) -> None:
    """w <- w max(1 - rate l1 / |w|, 0) for every filter: the proximal step of the group lasso."""
    for weight, dim in filters:
        if threshold := rates.get(weight, 0.0) * l1:
            weight.mul_((1.0 - threshold / _lengths(weight, dim).clamp_min_(1e-12)).clamp_min_(0.0))


def learning_rates(optimizer: object) -> dict[Tensor, float]:
    """The learning rate of every parameter that `optimizer` (or the one inside a wrapper, or several) trains."""
    return {
        parameter: float(group["lr"])
        for inner in inner_optimizers(optimizer)
        for group in inner.param_groups
        for parameter in group["params"]
    }


def _lengths(weight: Tensor, dim: int) -> Tensor:
    """The Euclidean length of every filter, kept in shape."""
    others = [at for at in range(weight.ndim) if at != dim]
    return torch.linalg.vector_norm(weight, dim=others, keepdim=True)
