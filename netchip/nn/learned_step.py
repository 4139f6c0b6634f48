"""Quantisation with a learned step (LSQ; Esser et al., arXiv 1902.08153): the grid is trained with the weights.

Grids are symmetric, or start at zero where the values did: zero is always a level, so that padding and what a ReLU
stopped stay exact, and an integer kernel needs no zero point. The step starts where the squared error is least.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError

_CANDIDATES = 24
_SMALLEST = 0.05  # of the largest value: below, even 2 bits clip more than they gain
_SAMPLED = 65_536


class _OnGrid(torch.autograd.Function):
    """LSQ's forward and backward (sections 2.1 and 2.2) in one pass each; `factor` scales the step's gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, lowest: int, highest: int, factor: float) -> Tensor:  # pyright: ignore
        scaled = x / step
        ctx.save_for_backward(scaled, step)
        ctx.settings = (lowest, highest, factor)
        return scaled.round().clamp_(lowest, highest).mul_(step)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:  # pyright: ignore
        scaled, step = ctx.saved_tensors
        lowest, highest, factor = ctx.settings
        slope = scaled.round().clamp_(lowest, highest).sub_(_inside(scaled, scaled, lowest, highest))
        of_step = _summed_products(slope, gradient, step.shape) * factor
        return _inside(gradient, scaled, lowest, highest), of_step, None, None, None


def _summed_products(a: Tensor, b: Tensor, shape: torch.Size) -> Tensor:
    """The products of `a`, which is written over, and `b`, summed to `shape`; in one pass where that is one number."""
    if shape.numel() == 1:
        return torch.dot(a.flatten(), b.flatten()).view(shape)
    return a.mul_(b).sum_to_size(shape)


def _inside(values: Tensor, scaled: Tensor, lowest: int, highest: int) -> Tensor:
    """`values` where `scaled` lies on the grid, its ends included, else 0; in one pass, five times as fast as by a mask."""
    margin = 1e-6
    return torch.ops.aten.hardtanh_backward(values, scaled, lowest * (1 + margin) - margin, highest * (1 + margin))


class LearnedStep(nn.Module):
    """Puts values on a grid of `bits` bits whose step is a parameter: one, or one for each index of dimension 0.

    `channels`: how many steps a weight [channels, ...] has; None for one step, as activations have. `calibrate` sets
    steps, and whether the grid has a negative side, from values; the first batch in training mode does so by itself.
    In evaluation nothing changes any more. Raises `ConfigError` below 2 bits, and in evaluation before a calibration.
    """

    step: nn.Parameter
    range: Tensor

    def __init__(self, bits: int, *, channels: int | None = None) -> None:
        super().__init__()
        if not 2 <= bits <= 24:
            raise ConfigError(f"bits = {bits}: a float32 grid needs 2 to 24 bits")
        self.bits = bits
        self.channels = channels
        self.step = nn.Parameter(torch.ones(channels or 1))
        self.register_buffer("range", torch.zeros(2, dtype=torch.int64))
        self._lowest = self._highest = 0

    @property
    def ready(self) -> bool:
        """Whether the steps were set from values."""
        return self._highest > 0

    @property
    def levels(self) -> tuple[int, int]:
        """The lowest and the highest level; (0, 0) before the calibration."""
        return self._lowest, self._highest

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Sets the steps to those of least squared error on `x`, and the grid's side by whether `x` has negatives."""
        x = x.detach()
        signed = self.channels is not None or bool(x.amin() < 0)
        self._lowest, self._highest = (
            (1 - 2 ** (self.bits - 1), 2 ** (self.bits - 1) - 1) if signed else (0, 2**self.bits - 1)
        )
        self.range.copy_(torch.tensor([self._lowest, self._highest]))
        rows = x.flatten(1) if self.channels is not None else _sampled(x)[None]
        self.step.copy_(_best_steps(rows.float(), self._lowest, self._highest))

    def forward(self, x: Tensor) -> Tensor:
        """`x` on the grid, of the same shape; gradient 1 inside the grid, 0 outside, and LSQ's for the step."""
        if not self.ready:
            self._first(x)
        step = _positive(self.step).to(x.dtype)
        step = step.view(-1, *(1 for _ in range(x.ndim - 1))) if self.channels is not None else step
        if not torch.is_grad_enabled():
            return (x / step).round_().clamp_(self._lowest, self._highest).mul_(step)
        factor = (x.numel() / self.step.numel() * self._highest) ** -0.5
        return _OnGrid.apply(x, step, self._lowest, self._highest, factor)  # pyright: ignore[reportReturnType]

    def _first(self, x: Tensor) -> None:
        if not self.training and self.channels is None:
            raise ConfigError(
                "the step of an activation was never set; run a batch in training mode, or calibrate, first"
            )
        self.calibrate(x)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if f"{prefix}range" in state_dict:
            self._lowest, self._highest = (int(level) for level in state_dict[f"{prefix}range"])


def _sampled(x: Tensor) -> Tensor:
    """All values as one row; of many, evenly spread ones and the largest."""
    flat = x.flatten()
    if flat.numel() <= _SAMPLED:
        return flat
    return torch.cat([flat[:: flat.numel() // _SAMPLED + 1], flat.abs().amax()[None]])


def _best_steps(rows: Tensor, lowest: int, highest: int) -> Tensor:
    """[R]: for each row of [R, N] the step, of a geometric ladder below its largest value, with least squared error."""
    largest = rows.abs().amax(1, keepdim=True)
    largest = torch.where(largest > 0, largest, torch.ones_like(largest))
    shares = torch.logspace(0, torch.log10(torch.tensor(_SMALLEST)).item(), _CANDIDATES, device=rows.device)
    best, least = largest / highest, torch.full_like(largest, float("inf"))
    for share in shares:
        step = (largest * (share / highest)).clamp_min(torch.finfo(rows.dtype).tiny)
        error = ((rows / step).round_().clamp_(lowest, highest).mul_(step) - rows) / largest
        error = error.square_().sum(1, keepdim=True)
        best, least = torch.where(error < least, step, best), torch.minimum(error, least)
    return best[:, 0]


def _positive(step: Tensor) -> Tensor:
    """A step that training pushed to zero or below counts by its size."""
    return step.abs().clamp_min(torch.finfo(step.dtype).tiny)
