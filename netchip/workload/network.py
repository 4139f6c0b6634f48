"""A network as data: its layers, which feeds which, and what could not be counted."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from netchip.errors import DataError, RequestError
from netchip.files import read_json, write_json
from netchip.workload.layer import Layer

FORMAT = 1


@dataclass(frozen=True)
class Workload:
    """Layers in the order they run, edges (from, to) between their names, and the names of operations left uncounted.

    Raises `RequestError` when two layers share a name or an edge names a layer that is not there.
    """

    layers: tuple[Layer, ...]
    edges: tuple[tuple[str, str], ...] = ()
    uncounted: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        names = [layer.name for layer in self.layers]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise RequestError(f"two layers are called {twice[0]!r}; names must differ")
        known = set(names)
        for edge in self.edges:
            missing = [name for name in edge if name not in known]
            if missing:
                raise RequestError(f"edge {edge[0]} -> {edge[1]}: there is no layer {missing[0]!r}")

    @property
    def macs(self) -> int | float:
        """Multiply-accumulates of one run, each layer weighed with its execution rate (whole while all rates are 1)."""
        if all(layer.execution_rate == 1.0 for layer in self.layers):
            return sum(layer.shape.macs for layer in self.layers)
        return sum(layer.shape.macs * layer.execution_rate for layer in self.layers)

    @property
    def weight_count(self) -> int:
        """Weights of all layers; a matmul has none."""
        return sum(layer.shape.weights for layer in self.layers if layer.shape.kind == "conv")

    @property
    def weight_bits(self) -> int:
        """Bits that memory holds for all weights."""
        return sum(layer.weight_bits for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """Plain values, with a format number."""
        return {
            "format": FORMAT,
            "layers": [layer.to_json() for layer in self.layers],
            "edges": [list(edge) for edge in self.edges],
            "uncounted": list(self.uncounted),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """What `to_json` gave. Raises `DataError` for another format or a field that is missing or of the wrong type."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DataError(f"not a workload of format {FORMAT}, which is what this version reads")
        try:
            return cls(
                tuple(Layer.from_json(layer) for layer in data["layers"]),
                tuple((str(start), str(end)) for start, end in data["edges"]),
                uncounted=tuple(str(name) for name in data["uncounted"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"damaged workload: {error!r}") from None

    def save(self, path: str | Path) -> Path:
        """Writes the workload as JSON, whole or not at all."""
        write_json(Path(path), self.to_json())
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads what `save` wrote; raises `DataError` that names the file."""
        try:
            return cls.from_json(read_json(Path(path)))
        except (DataError, RequestError) as error:
            raise DataError(f"{path}: {error}") from None
