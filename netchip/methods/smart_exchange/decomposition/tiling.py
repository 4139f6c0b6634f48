"""How a weight of any shape becomes blocks: small matrices of `rows` x `width`, each with a basis of its own.

A filter (all weights of one output) is read in the order of its storage, channel by channel, kernel row by kernel row, and cut
into rows of `width` values, the last one filled up with zeros. A long filter is sliced into several blocks of equal height, the
last one filled up with rows of zeros; short filters (depthwise, first layers) may share one block (arXiv 2005.03403, sect. III-C).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netchip.errors import ConfigError


@dataclass(frozen=True)
class Tiling:
    """The blocks of a weight of `shape`, as a module holds it.

    `slices` blocks a filter, or `stacked` filters a block; one of the two is 1. `transposed_groups`: 0, or the groups of a
    transposed convolution, whose weight [C, M / groups, ...] holds outputs in its second dimension.
    Raises `ConfigError` for sizes below 1, for a shape of fewer than two dimensions, or when both are above 1.
    """

    shape: tuple[int, ...]
    width: int
    slices: int = 1
    stacked: int = 1
    transposed_groups: int = 0

    def __post_init__(self) -> None:
        sizes = (*self.shape, self.width, self.slices, self.stacked)
        if len(self.shape) < 2 or any(type(size) is not int or size < 1 for size in sizes):
            raise ConfigError(f"{self}: give a weight of two or more dimensions, and whole numbers of at least 1")
        if self.slices > 1 and self.stacked > 1:
            raise ConfigError(f"{self}: filters are sliced or stacked, not both")
        groups = self.transposed_groups
        if type(groups) is not int or groups < 0 or (groups and self.shape[0] % groups):
            raise ConfigError(f"{self}: {self.shape[0]} channels do not make {groups} groups")
        if self.slices > self.filter_rows or self.stacked > self.filters:
            raise ConfigError(f"{self}: a filter has {self.filter_rows} rows, and there are {self.filters} filters")

    @property
    def filters(self) -> int:
        """How many outputs there are."""
        return self.shape[1] * self.transposed_groups if self.transposed_groups else self.shape[0]

    @property
    def filter_size(self) -> int:
        """Weights of one filter."""
        return math.prod(self.shape) // self.filters

    @property
    def filter_rows(self) -> int:
        """Rows of one filter, the last one filled up."""
        return -(-self.filter_size // self.width)

    @property
    def rows(self) -> int:
        """Rows of a block."""
        return self.stacked * self.filter_rows if self.stacked > 1 else -(-self.filter_rows // self.slices)

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-self.filters // self.stacked) * self.slices

    @property
    def weights(self) -> int:
        """How many weights there are, without what fills rows and blocks up."""
        return math.prod(self.shape)

    @property
    def real_rows(self) -> int:
        """Rows that hold weights: `filters` x `filter_rows`."""
        return self.filters * self.filter_rows

    def to_blocks(self, weight: Tensor) -> Tensor:
        """[blocks, rows, width]: `weight` cut into blocks; what fills up is zero."""
        flat = self._outputs_first(weight).reshape(self.filters, self.filter_size)
        rows = _filled(flat, self.filter_rows * self.width).reshape(self.filters, self.filter_rows, self.width)
        return self.rows_to_blocks(rows)

    def from_blocks(self, blocks: Tensor) -> Tensor:
        """The weight of `shape` whose blocks are `blocks`; what fills up is dropped."""
        flat = self.blocks_to_rows(blocks).reshape(self.filters, -1)[:, : self.filter_size]
        return self._outputs_back(flat)

    def rows_to_blocks(self, rows: Tensor) -> Tensor:
        """Values a row, [filters, filter_rows, ...], in blocks: [blocks, rows, ...], filled up with zeros."""
        rest = rows.shape[2:]
        if self.stacked > 1:
            filters = self.blocks * self.stacked
            return _filled_first(rows, filters).reshape(self.blocks, self.rows, *rest)
        height = self.slices * self.rows
        filled = _filled_first(rows.transpose(0, 1), height).transpose(0, 1)
        return filled.reshape(self.blocks, self.rows, *rest)

    def blocks_to_rows(self, blocks: Tensor) -> Tensor:
        """The way back: [blocks, rows, ...] as [filters, filter_rows, ...]."""
        rest = blocks.shape[2:]
        if self.stacked > 1:
            return blocks.reshape(-1, self.filter_rows, *rest)[: self.filters]
        return blocks.reshape(self.filters, -1, *rest)[:, : self.filter_rows]

    def row_is_real(self, device: torch.device | str = "cpu") -> Tensor:
        """[blocks, rows], bool: False for rows that only fill up."""
        ones = torch.ones(self.filters, self.filter_rows, dtype=torch.bool, device=device)
        return self.rows_to_blocks(ones)

    def to_json(self) -> dict[str, Any]:
        """As plain values; what is as usual is left out."""
        usual = {"slices": 1, "stacked": 1, "transposed_groups": 0}
        more = {name: getattr(self, name) for name, value in usual.items() if getattr(self, name) != value}
        return {"shape": list(self.shape), "width": self.width, **more}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Tiling":
        """What `to_json` gave; raises `ConfigError` where it makes no tiling."""
        try:
            return cls(**{**data, "shape": tuple(data["shape"])})
        except (TypeError, KeyError) as error:
            raise ConfigError(f"no tiling: {dict(data)!r} ({error})") from None

    def _outputs_first(self, weight: Tensor) -> Tensor:
        groups = self.transposed_groups
        if not groups:
            return weight
        grouped = weight.reshape(groups, self.shape[0] // groups, *self.shape[1:])
        return grouped.transpose(1, 2)

    def _outputs_back(self, flat: Tensor) -> Tensor:
        groups = self.transposed_groups
        if not groups:
            return flat.reshape(self.shape)
        inputs = self.shape[0] // groups
        return flat.reshape(groups, self.shape[1], inputs, *self.shape[2:]).transpose(1, 2).reshape(self.shape)


def _filled(flat: Tensor, size: int) -> Tensor:
    return torch.nn.functional.pad(flat, (0, size - flat.shape[1]))


def _filled_first(x: Tensor, size: int) -> Tensor:
    """`x` with zeros after its first dimension, up to `size`."""
    missing = size - x.shape[0]
    return torch.cat([x, x.new_zeros(missing, *x.shape[1:])]) if missing else x
