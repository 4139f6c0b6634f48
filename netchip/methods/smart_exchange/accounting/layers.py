"""What the size of one treated weight follows from, counted on its factors or from its shape alone."""

from dataclasses import dataclass

import torch

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.packed import Packed, unpack
from netchip.methods.smart_exchange.packing.sizes import Counts, Size, predicted_size


@dataclass(frozen=True)
class LayerCounts:
    """One treated weight in numbers.

    `unpruned_rows`: rows that belong to no pruned channel: of filters that have a coefficient, at places where any filter has
    one. `exponents`: the powers of two its coefficients use. `size`: what its tensors take in a file.
    """

    name: str
    tiling: Tiling
    counts: Counts
    unpruned_rows: int
    exponents: frozenset[int]
    size: Size

    @property
    def weights(self) -> int:
        """Weights of the layer, without what fills rows and blocks up."""
        return self.tiling.weights

    @property
    def kernel(self) -> tuple[int, ...]:
        """Sizes of the kernel; empty for linear and embedding weights."""
        return self.tiling.shape[2:]

    @classmethod
    def of(cls, name: str, stored: Factored | Packed, size: Size | None = None) -> "LayerCounts":
        """Counted on the factors of a weight, or on what is stored of it. `size`: None where nothing is entropy-coded."""
        factored = unpack(stored) if isinstance(stored, Packed) else stored
        rows = factored.tiling.blocks_to_rows(factored.kept_rows)
        unpruned = int(rows.any(dim=1).sum()) * int(rows.any(dim=0).sum())
        levels = torch.unique(factored.levels.abs()).tolist()
        exponents = frozenset(factored.alphabet.top + 1 - level for level in levels if level)
        counts = Counts.of(factored)
        return cls(name, factored.tiling, counts, unpruned, exponents, size or predicted_size(counts))

    @classmethod
    def from_shape(cls, name: str, tiling: Tiling, *, bits: int = 4, row_sparsity: float = 0.0) -> "LayerCounts":
        """As if a share of rows were zero, the others full, no block empty, and every power of the alphabet used.

        Raises `ConfigError` for a share outside [0, 1].
        """
        if not 0 <= row_sparsity <= 1:
            raise ConfigError(f"row_sparsity = {row_sparsity!r}: give the share of rows that are zero, within 0 to 1")
        rows = tiling.real_rows
        kept = round((1 - row_sparsity) * rows)
        counts = Counts(bits, tiling.width, rows, kept, min(tiling.blocks, kept), kept * tiling.width)
        return cls(name, tiling, counts, rows, frozenset(range(Alphabet(bits).powers)), predicted_size(counts))


@dataclass(frozen=True)
class DenseTensor:
    """A tensor that is stored as it is: so many `values`, together `bits`."""

    name: str
    values: int
    bits: int
