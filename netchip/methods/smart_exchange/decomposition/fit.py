"""What the rounds carry for each block: its factors, and how good they are."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Fit:
    """Factors of blocks in one table, [4 width^2 + 2, blocks], float64.

    Coefficients as `map` and `cut` (C / cut = W map, then rounded); `gram` is CtC and `mixed` CtW of the rounded coefficients;
    `basis`; `error`, squared. The first of them are planes [width, width, blocks], `cut` and `error` are [blocks].
    """

    table: Tensor
    width: int

    @classmethod
    def of(cls, map_: Tensor, gram: Tensor, mixed: Tensor, basis: Tensor, cut: Tensor, error: Tensor) -> "Fit":
        """From its parts."""
        parts = (part.reshape(-1, part.shape[-1]) for part in (map_, gram, mixed, basis, cut, error))
        return cls(torch.cat(list(parts)), map_.shape[0])

    def _plane(self, index: int) -> Tensor:
        size = self.width**2
        return self.table[index * size : (index + 1) * size].unflatten(0, (self.width, self.width))

    @property
    def map(self) -> Tensor:
        """From W to C / cut."""
        return self._plane(0)

    @property
    def gram(self) -> Tensor:
        """CtC."""
        return self._plane(1)

    @property
    def mixed(self) -> Tensor:
        """CtW."""
        return self._plane(2)

    @property
    def basis(self) -> Tensor:
        """B, not rounded."""
        return self._plane(3)

    @property
    def cut(self) -> Tensor:
        """Coefficients below it are zero."""
        return self.table[-2]

    @property
    def error(self) -> Tensor:
        """|W - C B|^2, B rounded where its scale was known."""
        return self.table[-1]

    def with_error(self, error: Tensor) -> "Fit":
        """The same factors, judged otherwise."""
        return Fit(torch.cat([self.table[:-1], error.unsqueeze(0)]), self.width)

    def better_of(self, other: "Fit") -> "Fit":
        """Block by block the one with the smaller error; this one where they are equal."""
        return Fit(torch.where(other.error < self.error, other.table, self.table), self.width)

    def chosen(self, index: Tensor | slice) -> "Fit":
        """The blocks of `index`."""
        return Fit(self.table[:, index], self.width)

    def put(self, index: Tensor, other: "Fit") -> None:
        """Blocks `index` become those of `other`."""
        self.table[:, index] = other.table

    def moving(self, later: "Fit") -> Tensor:
        """Indices of blocks whose rounded coefficients have changed since, as their sums tell."""
        sums = slice(self.width**2, 3 * self.width**2)
        return (self.table[sums] != later.table[sums]).any(0).nonzero().squeeze(-1)


def joined(fits: list[Fit]) -> Fit:
    """All blocks of several."""
    return Fit(torch.cat([fit.table for fit in fits], dim=1), fits[0].width)
