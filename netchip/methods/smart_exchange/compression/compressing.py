"""From chosen weights to packed ones, tensor by tensor, and what became of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.compression.choice import Choice
from netchip.methods.smart_exchange.compression.reaching import factored_within
from netchip.methods.smart_exchange.compression.weights import Weights
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.decompose import Settings as DecompositionSettings
from netchip.methods.smart_exchange.decomposition.decompose import decompose_traced
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.sparsity import without_share
from netchip.methods.smart_exchange.decomposition.target import Target
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.file.coding import Coding
from netchip.methods.smart_exchange.file.reading import ByName, read
from netchip.methods.smart_exchange.file.writing import Written, write
from netchip.methods.smart_exchange.packing.packed import Packed, pack
from netchip.methods.smart_exchange.packing.rebuild import rebuild
from netchip.methods.smart_exchange.packing.sizes import Size
from netchip.train.saving import aliases_in

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Settings:
    """`bits` a coefficient; `row_sparsity`: the share of each weight's rows that go, or by name in `row_sparsity_of`; or the
    `target` they follow from. Raises `ConfigError` for numbers outside their range, and for shares beside a target."""

    bits: int = 4
    row_sparsity: float = 0.0
    row_sparsity_of: Mapping[str, float] = field(default_factory=dict)
    target: Target | None = None
    iterations: int | None = None
    coding: Coding = "plain"

    def __post_init__(self) -> None:
        Alphabet(self.bits)
        if self.target is not None and (self.row_sparsity or self.row_sparsity_of):
            raise ConfigError(f"the target {self.target.written} decides which rows go; leave the row sparsity out")
        for share in (self.row_sparsity, *self.row_sparsity_of.values()):
            if not 0.0 <= share < 1.0:
                raise ConfigError(f"row_sparsity = {share!r}: give the share of rows to remove, from 0 to below 1")

    @property
    def decomposition(self) -> DecompositionSettings:
        """What the decomposition is told."""
        return DecompositionSettings(bits=self.bits, iterations=self.iterations)

    def share(self, name: str) -> float:
        """The share of rows that go from the weight called `name`."""
        return self.row_sparsity_of.get(name, self.row_sparsity)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        if self.target is not None:
            return {"bits": self.bits, "target": self.target.written}
        shares = {"row_sparsity_of": dict(self.row_sparsity_of)} if self.row_sparsity_of else {}
        return {"bits": self.bits, "row_sparsity": self.row_sparsity, **shares}


@dataclass(frozen=True)
class PackedLayer:
    """One packed weight: its size as stored, |W - rebuilt| / |W|, and the shares of rows and of coefficients that are zero."""

    name: str
    shape: tuple[int, ...]
    weights: int
    size: Size
    relative_error: float
    zero_rows: float
    zero_elements: float

    @property
    def bits_per_weight(self) -> float:
        """Stored bits, without what fills bytes up, over real weights."""
        return self.size.bits / self.weights

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "bytes": self.size.bytes,
            "bits_per_weight": self.bits_per_weight,
            "bits": self.size.components,
            "relative_error": self.relative_error,
            "zero_rows": self.zero_rows,
            "zero_elements": self.zero_elements,
        }


@dataclass(frozen=True)
class Compression:
    """A compressed file, and what became of each tensor. `kept`: reasons by name of those that stayed as they were; `tied`: the
    further names of tied tensors, with the one under which each is stored."""

    title: str
    written: Written
    layers: tuple[PackedLayer, ...]
    kept: Mapping[str, str]
    tied: Mapping[str, str]
    kept_bytes: int
    float32_bytes: int
    given_bytes: int

    @property
    def int8_bytes(self) -> int:
        """Bytes if each packed weight had 8 bits, and all else were as it is."""
        return self.kept_bytes + sum(layer.weights for layer in self.layers)

    @property
    def packed_bytes(self) -> int:
        """Bytes of all packed weights."""
        return sum(layer.size.bytes for layer in self.layers)

    @property
    def bits_per_weight(self) -> float:
        """Of all packed weights together."""
        return sum(layer.size.bits for layer in self.layers) / sum(layer.weights for layer in self.layers)


def compress(
    weights: Weights,
    choice: Choice,
    path: str | Path,
    settings: Settings = Settings(),
    progress: Progress | None = None,
) -> Compression:
    """Decomposes and packs the chosen weights one after the other, and writes them with all others to `path`.

    `progress` is told each weight, how many are done, and how many there are. Raises `ConfigError` that names the tensor for NaN
    or infinite weights, `BudgetError` for a target that cannot be reached, `CheckpointError` when the disk refuses.
    """
    by_target: Mapping[str, Factored] = {}
    if settings.target is not None:
        plain = settings.decomposition
        by_target = factored_within(settings.target, weights, choice, plain, settings.to_json(), progress)
    packed: dict[str, Packed] = {}
    found: dict[str, tuple[float, float, float]] = {}
    name = ""
    for done, (name, tiling) in enumerate(choice.packed.items()):
        if progress is not None:
            progress(name, done, len(choice.packed))
        weight = weights.load(name)
        packed[name] = pack(by_target.get(name) or _factored(name, weight, tiling, settings))
        found[name] = _measured(weight, packed[name])
    if progress is not None:
        progress(name, len(packed), len(packed))
    dense = ByName(tuple(choice.kept), weights.load)
    written = write(
        path,
        packed,
        dense,
        coding=settings.coding,
        source=weights.metadata,
        note=settings.to_json(),
    )
    return _reported(weights, choice, written, found)


def _factored(name: str, weight: Tensor, tiling: Tiling, settings: Settings) -> Factored:
    share = settings.share(name)
    mask = without_share(weight, tiling, share).kept if share else None
    return decompose_traced(weight, tiling, settings.decomposition, row_mask=mask, name=name)[0]


def _measured(weight: Tensor, packed: Packed) -> tuple[float, float, float]:
    """The relative error, and the shares of rows and of coefficients that are zero."""
    exact = weight.to(torch.float64)
    norm = float(exact.norm())
    error = float((rebuild(packed).to(torch.float64) - exact).norm())
    counts = packed.counts
    zero_elements = 1 - counts.nonzero / (counts.real_rows * counts.width)
    return (error / norm if norm else 0.0), 1 - counts.kept_rows / counts.real_rows, zero_elements


def _reported(
    weights: Weights, choice: Choice, written: Written, found: Mapping[str, tuple[float, float, float]]
) -> Compression:
    file = read(written.path)
    layers = tuple(
        PackedLayer(name, tiling.shape, tiling.weights, file.size(name), *found[name])
        for name, tiling in choice.packed.items()
    )
    kept_bytes = sum(weights.tensors[name].bytes for name in choice.kept)
    tied = {name: kept for name, kept in aliases_in(weights.metadata).items() if kept in weights.tensors}
    return Compression(
        weights.title, written, layers, choice.kept, tied, kept_bytes, weights.float32_bytes, weights.bytes
    )
