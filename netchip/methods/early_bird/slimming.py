"""The L1 pull on BatchNorm scales (network slimming; Early-Bird, section 3.1): the sub-gradient s * sign(gamma)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


@torch.no_grad()
def add_slimming_gradient(norms: Sequence[nn.Module], l1: float) -> None:
    """Adds `l1 * sign(gamma)` in place to the gradient of each norm's weight [C]; sign(0) = 0; those without one are left.

    One fused operation over all layers. The loss that is logged does not hold the term.
    """
    scales = [norm.weight for norm in norms if isinstance(norm.weight, Tensor) and norm.weight.grad is not None]
    gradients = [scale.grad for scale in scales]
    if scales and l1:
        torch._foreach_add_(gradients, torch._foreach_sign(scales), alpha=l1)  # pyright: ignore
