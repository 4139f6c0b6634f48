"""Which rows of a weight go before it is decomposed (arXiv 2005.03403, section III-B: vector-wise and channel-wise).

A row that goes leaves a row of zeros in the weight, which hardware can skip. Rows are chosen on the weight, once, and stay chosen:
the mask is a value. A row of a 1x1 or linear weight is `width` consecutive channels, and those go together; chosen one by one,
channels would come back, since a row with one channel left is decomposed whole.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.tiling import Tiling


@dataclass(frozen=True)
class RowMask:
    """The rows that stay: `kept` [blocks, rows], bool, False for rows that only fill up. What `decompose` takes as `row_mask`.

    Raises `ConfigError` for anything but a bool tensor of the tiling's blocks and rows.
    """

    tiling: Tiling
    kept: Tensor

    def __post_init__(self) -> None:
        sizes = (self.tiling.blocks, self.tiling.rows)
        if self.kept.dtype != torch.bool or tuple(self.kept.shape) != sizes:
            raise ConfigError(f"a row mask is torch.bool {sizes}; this is {self.kept.dtype} {tuple(self.kept.shape)}")

    @classmethod
    def of_rows(cls, tiling: Tiling, rows: Tensor) -> "RowMask":
        """From [filters, filter_rows], bool."""
        return cls(tiling, tiling.rows_to_blocks(rows))

    @classmethod
    def everything(cls, tiling: Tiling) -> "RowMask":
        """All rows stay."""
        return cls(tiling, tiling.row_is_real())

    @property
    def rows(self) -> Tensor:
        """[filters, filter_rows], bool."""
        return self.tiling.blocks_to_rows(self.kept)

    @property
    def sparsity(self) -> float:
        """The share of rows that go."""
        return 1.0 - float(self.kept.sum()) / self.tiling.real_rows

    def __and__(self, other: "RowMask") -> "RowMask":
        if self.tiling != other.tiling:
            raise ConfigError(f"row masks of {self.tiling} and {other.tiling} do not go together")
        return RowMask(self.tiling, self.kept & other.kept.to(self.kept.device))

    def elements(self) -> Tensor:
        """The mask of single weights, of `tiling.shape`, bool: for gradients, momentum and dense forms."""
        blocks = self.kept.unsqueeze(-1).expand(-1, -1, self.tiling.width)
        return self.tiling.from_blocks(blocks)

    def to_state(self) -> dict[str, Any]:
        """As plain values and one tensor; `from_state` reads it."""
        return {"tiling": self.tiling.to_json(), "kept": self.kept}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "RowMask":
        """What `to_state` gave."""
        return cls(Tiling.from_json(state["tiling"]), state["kept"])


def row_scores(weight: Tensor, tiling: Tiling, group: int = 1) -> Tensor:
    """[groups of filters, filter_rows]: the mean square of each row's values, over `group` consecutive filters together.

    What fills the last row up does not count. Raises `ConfigError` for a group below 1.
    """
    if type(group) is not int or group < 1:
        raise ConfigError(f"group = {group!r}: give how many consecutive filters share their rows, at least 1")
    squares = tiling.blocks_to_rows(tiling.to_blocks(weight.detach().to(torch.float64).square()).sum(-1))
    together = _grouped(squares, group).sum(1)
    members = _grouped(torch.ones_like(squares), group).sum(1)
    last = tiling.filter_size - (tiling.filter_rows - 1) * tiling.width
    values = torch.full((tiling.filter_rows,), float(tiling.width), dtype=torch.float64, device=weight.device)
    values[-1] = last
    return together / (members * values)


def _grouped(rows: Tensor, group: int) -> Tensor:
    """[filters, filter_rows] as [groups, group, filter_rows], filled up with zeros."""
    missing = -rows.shape[0] % group
    return torch.nn.functional.pad(rows, (0, 0, 0, missing)).reshape(-1, group, rows.shape[1])


def mask_of_groups(tiling: Tiling, kept: Tensor, group: int) -> RowMask:
    """From [groups of filters, filter_rows], bool, the same for all filters of a group."""
    return RowMask.of_rows(tiling, kept.repeat_interleave(group, dim=0)[: tiling.filters])


def without_share(weight: Tensor, tiling: Tiling, share: float, *, group: int = 1) -> RowMask:
    """All rows but the `share` of the smallest mean square within the weight; of equal ones the first goes.

    `group`: so many consecutive filters lose the same rows, for arrays whose filters run in lock-step. Raises `ConfigError` for a
    share outside [0, 1].
    """
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"share = {share!r}: give the share of rows that go, from 0 to 1")
    scores = row_scores(weight, tiling, group)
    kept = torch.ones(scores.numel(), dtype=torch.bool, device=weight.device)
    kept[scores.flatten().argsort(stable=True)[: round(share * scores.numel())]] = False
    return mask_of_groups(tiling, kept.reshape(scores.shape), group)


def above_threshold(weight: Tensor, tiling: Tiling, threshold: float, *, group: int = 1) -> RowMask:
    """The rows whose root mean square is at least `threshold` x that of the weight. Raises `ConfigError` below 0."""
    if not 0.0 <= threshold < math.inf:
        raise ConfigError(
            f"threshold = {threshold!r}: give a number of at least 0, relative to the weight's root mean square"
        )
    whole = weight.detach().to(torch.float64).square().mean()
    return mask_of_groups(tiling, row_scores(weight, tiling, group) >= threshold**2 * whole, group)


def filters_by_gamma(gamma: Tensor, *, below: float | None = None, share: float | None = None) -> Tensor:
    """[filters], bool: those whose BatchNorm |gamma| is at least `below`, or all but the `share` of the smallest; one always stays.

    Raises `ConfigError` unless one of the two is given, in its range.
    """
    sizes = gamma.detach().abs()
    if (below is None) == (share is None):
        raise ConfigError(f"below = {below!r}, share = {share!r}: give one of them")
    if share is not None and not 0.0 <= share < 1.0:
        raise ConfigError(f"share = {share!r}: give the share of filters that go, from 0 to below 1")
    order = sizes.argsort(stable=True)
    kept = sizes >= (0.0 if below is None else below)
    kept[order[: round((share or 0.0) * len(sizes))]] = False
    kept[order[-1:]] = True
    return kept


def without_filters(tiling: Tiling, kept: Tensor) -> RowMask:
    """All rows of the filters that are `kept` [filters], bool; no others."""
    if kept.dtype != torch.bool or tuple(kept.shape) != (tiling.filters,):
        raise ConfigError(
            f"kept is {kept.dtype} {tuple(kept.shape)}; give torch.bool ({tiling.filters},), one for each of the filters"
        )
    return RowMask.of_rows(tiling, kept.unsqueeze(1).expand(-1, tiling.filter_rows))
