"""How many bits a packed weight takes, by component, from counts alone."""

from dataclasses import dataclass
from typing import Literal

from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.units import bits_to_bytes

Zeros = Literal["code", "bitmap"]
_BASIS_BITS = 8


@dataclass(frozen=True)
class Counts:
    """What the size of a packed weight follows from.

    `bits` a code, `width` coefficients a row, `real_rows` rows that hold weights, `kept_rows` and `kept_blocks` those with a
    coefficient, `nonzero` coefficients.
    """

    bits: int
    width: int
    real_rows: int
    kept_rows: int
    kept_blocks: int
    nonzero: int

    @classmethod
    def of(cls, factored: Factored) -> "Counts":
        """The counts of a factored weight."""
        return cls(
            bits=factored.alphabet.bits,
            width=factored.tiling.width,
            real_rows=factored.tiling.real_rows,
            kept_rows=int(factored.kept_rows.sum()),
            kept_blocks=int(factored.kept_blocks.sum()),
            nonzero=int((factored.levels != 0).sum()),
        )

    @classmethod
    def dense(cls, tiling: Tiling, bits: int = 4) -> "Counts":
        """The counts where no coefficient is zero: the most that a weight of this tiling takes."""
        rows = tiling.real_rows
        return cls(bits, tiling.width, rows, rows, tiling.blocks, rows * tiling.width)

    @property
    def zeros(self) -> Zeros:
        """How zeros within kept rows are told: by a code of their own, or by a bitmap where that takes fewer bits."""
        return "bitmap" if self.kept_rows * self.width + self.nonzero * self.bits < self._all_codes_bits else "code"

    @property
    def codes(self) -> int:
        """How many codes are stored."""
        return self.nonzero if self.zeros == "bitmap" else self.kept_rows * self.width

    @property
    def _all_codes_bits(self) -> int:
        return self.kept_rows * self.width * self.bits


@dataclass(frozen=True)
class Size:
    """Bits by component. `coded_bits`: what the codes take after entropy coding, None where they are stored as they are."""

    codes_bits: int
    row_bitmap_bits: int
    element_bitmap_bits: int
    basis_bits: int
    coded_bits: int | None = None

    @property
    def bits(self) -> int:
        """All components as they are stored."""
        return sum(self.components.values())

    @property
    def stored_codes_bits(self) -> int:
        """The codes, after entropy coding where there is one."""
        return self.codes_bits if self.coded_bits is None else self.coded_bits

    @property
    def components(self) -> dict[str, int]:
        """Bits as they are stored, by the name of the stored tensor."""
        return {
            "codes": self.stored_codes_bits,
            "row_bitmap": self.row_bitmap_bits,
            "element_bitmap": self.element_bitmap_bits,
            "basis": self.basis_bits,
        }

    @property
    def bytes(self) -> int:
        """Bytes in a file: each component begins a byte."""
        return sum(map(bits_to_bytes, self.components.values()))


def predicted_size(counts: Counts) -> Size:
    """The bits that `pack` will take, exactly."""
    elements = counts.kept_rows * counts.width if counts.zeros == "bitmap" else 0
    basis = counts.kept_blocks * counts.width**2 * _BASIS_BITS
    return Size(counts.codes * counts.bits, counts.real_rows, elements, basis)
