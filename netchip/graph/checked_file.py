"""An exported file against its source: how far their outputs are from each other on the same input."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from netchip.errors import GraphError


@dataclass(frozen=True, kw_only=True)
class CheckedFile:
    """`difference` is the largest of an output, `largest` the largest output of the source itself.

    `decisions` is the share of decisions that are the source's, where the file decides; `how` says what ran the file, and on what.
    """

    file: str
    difference: float
    largest: float
    decisions: float | None = None
    how: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def line(self) -> str:
        """In words."""
        same = "" if self.decisions is None else f"; {self.decisions:.1%} of its decisions are the source's"
        how = f" ({self.how})" if self.how else ""
        return f"{self.file}: differs from the source by at most {self.difference:.2g} of {self.largest:.2g}{same}{how}"

    def require(self, share: float, advice: str) -> None:
        """Raises `GraphError` where the difference is more than `share` of the largest output."""
        limit = share * max(self.largest, 1e-6)
        if not self.difference <= limit:
            raise GraphError(f"{self.line()}, more than {limit:.2g}; {advice}")


def largest_difference(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> tuple[float, float]:
    """The largest |found - wanted|, and the largest finite |wanted|, over outputs of any type; equal infinities differ by 0.

    Raises `GraphError` where their numbers or shapes are not the same.
    """
    shapes = [[tuple(each.shape) for each in outputs] for outputs in (found, wanted)]
    if shapes[0] != shapes[1]:
        raise GraphError(
            f"the file gives outputs of the shapes {shapes[0]}, its source {shapes[1]}; do not use the file"
        )
    difference = largest = 0.0
    for one, other in zip(found, wanted, strict=True):
        if other.numel():
            a, b = one.detach().cpu().double(), other.detach().cpu().double()
            difference = _larger(difference, torch.where(a == b, 0.0, (a - b).abs()))
            largest = _larger(largest, b.abs().nan_to_num(0.0, 0.0))
    return difference, largest


def _larger(least: float, values: Tensor) -> float:
    """The larger of both; NaN where `values` holds one."""
    return float(torch.cat([values.flatten(), torch.tensor([least], dtype=torch.float64)]).max())
