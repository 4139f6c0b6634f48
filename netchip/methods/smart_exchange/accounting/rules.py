"""Bits of a compressed network under three rules (arXiv 2005.03403, section V; the official SmartDeal code; our file).

- "file": what the file's tensors take, each from a whole byte on, with the dense rest.
- "paper": `bits` a non-zero coefficient, 8 bits a basis value of blocks with coefficients, one bit a row for the row index.
  No rule is known that gives every published ratio; whether rows of pruned channels are indexed is an option.
- "official_code": ceil(log2(different magnitudes in the whole network)) + 1 bits a non-zero coefficient, one bit for *every*
  coefficient, the basis of every block; layers that are neither 1x1 nor 3x3 nor linear are not counted at all.

The last two leave the dense rest (biases, norms) out.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.accounting.layers import DenseTensor, LayerCounts
from netchip.units import BITS_PER_BYTE, bits_to_bytes

Accounting = Literal["file", "paper", "official_code"]
IndexedRows = Literal["all", "unpruned", "kept"]
_FLOAT_BITS, _INT8_BITS = 32, 8
_PAPER_BASIS_BITS = 8


@dataclass(frozen=True)
class AccountedSize:
    """Bits by component, the weights they stand for, and the names of what the rule leaves out."""

    accounting: Accounting
    weights: int
    codes_bits: int = 0
    row_index_bits: int = 0
    element_index_bits: int = 0
    basis_bits: int = 0
    dense_bits: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def components(self) -> dict[str, int]:
        """Bits by the name of what they hold."""
        return {
            "codes": self.codes_bits,
            "row index": self.row_index_bits,
            "element index": self.element_index_bits,
            "basis": self.basis_bits,
            "dense rest": self.dense_bits,
        }

    @property
    def bits(self) -> int:
        """All components."""
        return sum(self.components.values())

    @property
    def bits_per_weight(self) -> float:
        """Bits for each weight counted; 0 where none is."""
        return self.bits / self.weights if self.weights else 0.0

    @property
    def against_fp32(self) -> float:
        """How many times smaller than 32 bits a weight; infinite where nothing is stored."""
        return _ratio(_FLOAT_BITS * self.weights, self.bits)

    @property
    def against_int8(self) -> float:
        """How many times smaller than 8 bits a weight, without scales."""
        return _ratio(_INT8_BITS * self.weights, self.bits)

    def to_json(self) -> dict[str, Any]:
        """As plain values, ratios included where they are finite."""
        ratios = {"against_fp32": self.against_fp32, "against_int8": self.against_int8}
        kept = {name: ratio for name, ratio in ratios.items() if math.isfinite(ratio)}
        components = {name.replace(" ", "_") + "_bits": bits for name, bits in self.components.items()}
        return {
            "accounting": self.accounting,
            "weights": self.weights,
            **components,
            **kept,
            "left_out": list(self.left_out),
        }


def account(
    layers: Iterable[LayerCounts],
    accounting: Accounting,
    *,
    dense: Iterable[DenseTensor] = (),
    indexed_rows: IndexedRows = "unpruned",
    basis_bits: Literal[8, 32] = 8,
) -> AccountedSize:
    """The size of a network of treated `layers` and a `dense` rest under one rule.

    `indexed_rows` (paper): which rows have a bit in the row index. `basis_bits` (official code): 8 in its inference script, 32
    in its training script. Raises `ConfigError` for an unknown rule or option.
    """
    _check("accounting", accounting, get_args(Accounting))
    _check("indexed_rows", indexed_rows, get_args(IndexedRows))
    _check("basis_bits", basis_bits, (8, 32))
    treated, rest = list(layers), list(dense)
    if accounting == "file":
        return _file(treated, rest)
    names = tuple(each.name for each in rest)
    return _paper(treated, names, indexed_rows) if accounting == "paper" else _official_code(treated, names, basis_bits)


def _file(layers: Sequence[LayerCounts], dense: Sequence[DenseTensor]) -> AccountedSize:
    sizes = [layer.size for layer in layers]
    return AccountedSize(
        "file",
        weights=sum(layer.weights for layer in layers) + sum(each.values for each in dense),
        codes_bits=sum(_whole_bytes(size.stored_codes_bits) for size in sizes),
        row_index_bits=sum(_whole_bytes(size.row_bitmap_bits) for size in sizes),
        element_index_bits=sum(_whole_bytes(size.element_bitmap_bits) for size in sizes),
        basis_bits=sum(size.basis_bits for size in sizes),
        dense_bits=sum(_whole_bytes(each.bits) for each in dense),
    )


def _paper(layers: Sequence[LayerCounts], left_out: tuple[str, ...], indexed: IndexedRows) -> AccountedSize:
    return AccountedSize(
        "paper",
        weights=sum(layer.weights for layer in layers),
        codes_bits=sum(layer.counts.bits * layer.counts.nonzero for layer in layers),
        row_index_bits=sum(_indexed(layer, indexed) for layer in layers),
        basis_bits=sum(_PAPER_BASIS_BITS * layer.counts.kept_blocks * layer.counts.width**2 for layer in layers),
        left_out=left_out,
    )


def _official_code(layers: Sequence[LayerCounts], left_out: tuple[str, ...], basis_bits: int) -> AccountedSize:
    counted = [layer for layer in layers if _is_counted(layer)]
    magnitudes = len(frozenset().union(*(layer.exponents for layer in counted)))
    code_bits = (math.ceil(math.log2(magnitudes)) if magnitudes else 0) + 1
    return AccountedSize(
        "official_code",
        weights=sum(layer.weights for layer in counted),
        codes_bits=sum(code_bits * layer.counts.nonzero for layer in counted),
        element_index_bits=sum(layer.counts.real_rows * layer.counts.width for layer in counted),
        basis_bits=sum(basis_bits * layer.tiling.blocks * layer.counts.width**2 for layer in counted),
        left_out=(*(layer.name for layer in layers if not _is_counted(layer)), *left_out),
    )


def _is_counted(layer: LayerCounts) -> bool:
    """Whether the official code treats the layer: linear, 1x1, 3x3."""
    return layer.kernel in ((), (1, 1), (3, 3))


def _indexed(layer: LayerCounts, indexed: IndexedRows) -> int:
    rows = {"all": layer.counts.real_rows, "unpruned": layer.unpruned_rows, "kept": layer.counts.kept_rows}
    return rows[indexed]


def _whole_bytes(bits: int) -> int:
    return bits_to_bytes(bits) * BITS_PER_BYTE


def _ratio(reference: int, bits: int) -> float:
    return reference / bits if bits else math.inf


def _check(name: str, value: object, known: Sequence[object]) -> None:
    if value not in known:
        raise ConfigError(f"{name} = {value!r}; known: {', '.join(map(repr, known))}")
