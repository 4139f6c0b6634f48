"""A weight as it is stored: what the file holds of it, on any device."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.bits import pack_bits, unpack_bits
from netchip.methods.smart_exchange.packing.codes import codes_of, levels_table
from netchip.methods.smart_exchange.packing.sizes import Counts, Zeros

WIDEST = 16
"""The widest row that is packed: with one bit a row at least, it limits how much larger a rebuilt weight is than its file."""
TOPS = (-1000, 1000)
"""Exponents of the largest power, within what float64 weights need."""


@dataclass(frozen=True)
class Packed:
    """The stored tensors of one weight, and what is needed to read them.

    `codes` uint8: the stream of the coefficients of kept rows, row by row, those of zeros left out where `zeros` is "bitmap".
    `row_bitmap` uint8: one bit for each row of each filter, set where the row has a coefficient.
    `element_bitmap` uint8 or None: one bit for each coefficient of a kept row, set where it is not zero.
    `basis` int8 [kept blocks, width, width]. `basis_scale` and `dtype` as in `Factored`.
    """

    tiling: Tiling
    alphabet: Alphabet
    zeros: Zeros
    codes: Tensor
    row_bitmap: Tensor
    element_bitmap: Tensor | None
    basis: Tensor
    basis_scale: float
    dtype: torch.dtype = torch.float32

    @property
    def unit(self) -> float:
        """What one of the whole numbers of the weight is worth; see `Factored.unit`."""
        return self.basis_scale * 2.0 ** (self.alphabet.top - self.alphabet.powers + 1)

    @cached_property
    def kept_rows(self) -> Tensor:
        """[blocks, rows], bool: rows with coefficients."""
        tiling = self.tiling
        rows = unpack_bits(self.row_bitmap, 1, tiling.real_rows).to(torch.bool)
        return tiling.rows_to_blocks(rows.reshape(tiling.filters, tiling.filter_rows))

    @cached_property
    def kept_blocks(self) -> Tensor:
        """[blocks], bool: blocks with coefficients, which are those with a basis."""
        return self.kept_rows.any(dim=1)

    @cached_property
    def counts(self) -> Counts:
        """What the size follows from."""
        rows = int(self.kept_rows.sum())
        tiling = self.tiling
        coefficients = rows * tiling.width
        if self.element_bitmap is None:
            nonzero = int((unpack_bits(self.codes, self.alphabet.bits, coefficients) != 0).sum())
        else:
            nonzero = int(unpack_bits(self.element_bitmap, 1, coefficients).sum())
        return Counts(self.alphabet.bits, tiling.width, tiling.real_rows, rows, int(self.kept_blocks.sum()), nonzero)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The stored tensors by what they are: codes, rows, elements (where there are any), basis."""
        more = {} if self.element_bitmap is None else {"elements": self.element_bitmap}
        return {"codes": self.codes, "rows": self.row_bitmap, **more, "basis": self.basis}

    @property
    def bytes(self) -> int:
        """Bytes of the stored tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors.values())

    def to(self, device: torch.device | str) -> "Packed":
        """The same, its tensors on `device`."""
        elements = None if self.element_bitmap is None else self.element_bitmap.to(device)
        moved = {
            "codes": self.codes.to(device),
            "row_bitmap": self.row_bitmap.to(device),
            "basis": self.basis.to(device),
        }
        return replace(self, element_bitmap=elements, **moved)


def pack(factored: Factored) -> Packed:
    """The stored form of `factored`, in the smaller of the two ways to tell zeros; `unpack` gives it back exactly.

    Raises `ConfigError` for what the stored form cannot hold: see `check_storable`.
    """
    check_storable(factored)
    kept = factored.kept_rows
    coefficients = factored.levels[kept]
    zeros = Counts.of(factored).zeros
    nonzero = coefficients != 0
    stored = coefficients[nonzero] if zeros == "bitmap" else coefficients
    return Packed(
        tiling=factored.tiling,
        alphabet=factored.alphabet,
        zeros=zeros,
        codes=pack_bits(codes_of(stored, factored.alphabet), factored.alphabet.bits),
        row_bitmap=pack_bits(factored.tiling.blocks_to_rows(kept), 1),
        element_bitmap=pack_bits(nonzero, 1) if zeros == "bitmap" else None,
        basis=factored.basis[factored.kept_blocks].contiguous(),
        basis_scale=factored.basis_scale,
        dtype=factored.dtype,
    )


def unpack(packed: Packed) -> Factored:
    """The factors that `packed` holds: what `pack` was given."""
    tiling, kept = packed.tiling, packed.kept_rows
    levels = torch.zeros(tiling.blocks, tiling.rows, tiling.width, dtype=torch.int8, device=packed.codes.device)
    levels[kept] = _kept_levels(packed, int(kept.sum()))
    basis = torch.zeros(tiling.blocks, tiling.width, tiling.width, dtype=torch.int8, device=packed.codes.device)
    basis[packed.kept_blocks] = packed.basis
    return Factored(tiling, packed.alphabet, levels, basis, packed.basis_scale, packed.dtype)


def check_storable(factored: Factored) -> None:
    """Raises `ConfigError` for factors that the stored form cannot hold, with what is wrong."""
    tiling, basis = factored.tiling, factored.basis
    expected = (tiling.blocks, tiling.rows, tiling.width)
    if tuple(factored.levels.shape) != expected or factored.levels.dtype != torch.int8:
        raise ConfigError(
            f"levels are {tuple(factored.levels.shape)} of {factored.levels.dtype}; expected int8 {expected}"
        )
    if tuple(basis.shape) != (tiling.blocks, tiling.width, tiling.width) or basis.dtype != torch.int8:
        raise ConfigError(
            f"the basis is {tuple(basis.shape)} of {basis.dtype}; expected int8, a square of width for each block"
        )
    if tiling.width > WIDEST:
        raise ConfigError(
            f"rows of {tiling.width} weights: {WIDEST} is the widest that is packed; choose a narrower width"
        )
    if bool((factored.levels.to(torch.int16).abs() > factored.alphabet.powers).any()):
        raise ConfigError(f"a level is above the {factored.alphabet.powers} powers of {factored.alphabet.bits} bits")
    if bool((factored.kept_rows & ~tiling.row_is_real(factored.levels.device)).any()):
        raise ConfigError("a row that only fills a block up has a coefficient; such rows are not stored")
    if bool(basis[~factored.kept_blocks].any()) or bool((basis == -128).any()):
        raise ConfigError("the basis must be zero in blocks without coefficients, and within -127 to 127")
    check_scale(factored.basis_scale, factored.alphabet.top)


def check_scale(scale: float, top: int) -> None:
    """Raises `ConfigError` unless `scale` is a float32 value above 0 and `top` an exponent within `TOPS`."""
    if not (type(scale) is float and math.isfinite(scale) and scale > 0 and _as_float32(scale) == scale):
        raise ConfigError(f"basis_scale = {scale!r}: give a float32 value above 0")
    if type(top) is not int or not TOPS[0] <= top <= TOPS[1]:
        raise ConfigError(f"top = {top!r}: the exponent of the largest power is within {TOPS[0]} to {TOPS[1]}")


def _as_float32(value: float) -> float:
    return float(torch.tensor(value, dtype=torch.float64).to(torch.float32))


def _kept_levels(packed: Packed, rows: int) -> Tensor:
    """int8 [kept rows, width]."""
    bits, width = packed.alphabet.bits, packed.tiling.width
    table = levels_table(packed.alphabet).to(packed.codes.device)
    if packed.element_bitmap is None:
        codes = unpack_bits(packed.codes, bits, rows * width)
        return table[codes.to(torch.int64)].reshape(rows, width)
    nonzero = unpack_bits(packed.element_bitmap, 1, rows * width).to(torch.bool)
    levels = torch.zeros(rows * width, dtype=torch.int8, device=packed.codes.device)
    levels[nonzero] = table[unpack_bits(packed.codes, bits, int(nonzero.sum())).to(torch.int64)]
    return levels.reshape(rows, width)
