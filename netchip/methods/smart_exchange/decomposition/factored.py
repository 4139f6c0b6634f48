"""A weight as its factors, and the exact way back to the weight."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.tiling import Tiling

LARGEST_BASIS = 127


@dataclass(frozen=True)
class Factored:
    """W = C B: coefficients as levels of an alphabet, a basis of int8 for each block.

    `levels` int8 [blocks, rows, width], `basis` int8 [blocks, width, width], zero in blocks without coefficients; a value of
    the basis is its int8 times `basis_scale` (a float32 value above 0, one for the layer). `dtype` is that of the weight.
    """

    tiling: Tiling
    alphabet: Alphabet
    levels: Tensor
    basis: Tensor
    basis_scale: float
    dtype: torch.dtype = torch.float32

    @property
    def unit(self) -> float:
        """What one of the whole numbers of `integers` is worth: basis_scale x 2^(top - powers + 1)."""
        return self.basis_scale * 2.0 ** (self.alphabet.top - self.alphabet.powers + 1)

    @property
    def kept_rows(self) -> Tensor:
        """[blocks, rows], bool: rows with a coefficient."""
        return (self.levels != 0).any(dim=2)

    @property
    def kept_blocks(self) -> Tensor:
        """[blocks], bool: blocks with a coefficient."""
        return (self.levels != 0).any(dim=2).any(dim=1)

    def integers(self) -> Tensor:
        """[blocks, rows, width], int64: the weight in `unit`s, sums of shifted basis values. Exact: the oracle of every rebuild."""
        shifts = (self.alphabet.powers - self.levels.abs().to(torch.int64)).clamp(min=0)
        coefficients = torch.sign(self.levels).to(torch.int64) << shifts
        basis = self.basis.to(torch.int64)
        total = coefficients[..., :1] * basis[:, :1]  # product by product: CUDA has no matmul of whole numbers
        for k in range(1, basis.shape[1]):
            total.addcmul_(coefficients[..., k, None], basis[:, k, None])
        return total

    def weight(self) -> Tensor:
        """The weight of `tiling.shape` in `dtype`: `integers` x `unit` in float64, rounded once to float32 and then to `dtype`.

        A float64 weight is not rounded.
        """
        exact = self.tiling.from_blocks(self.integers()).to(torch.float64) * self.unit
        return exact if self.dtype == torch.float64 else exact.to(torch.float32).to(self.dtype)
