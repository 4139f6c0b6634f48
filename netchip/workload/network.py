"""A whole network as layers and the edges between them, and its file."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass
from pathlib import Path
from typing import Any, Self

from netchip.errors import DataError, RequestError
from netchip.files import read_value, write_json
from netchip.workload.encoding import DenseWeights, Precision, StatedWeights, WeightEncoding
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

FORMAT = 1
_DENSE = "dense"
_PAIRS = ("stride", "dilation", "padding")


@dataclass(frozen=True)
class Workload:
    """What a network computes: `layers` in the order they run, `edges` (from, to) by layer name.

    An edge says that `to` reads what `from` made, directly or through operations without MACs. `uncounted` names the
    operations whose MACs are not known and therefore not in here. Raises `RequestError` when two layers share a name or
    an edge names no layer.

    >>> one = LayerShape.linear(batch=1, in_features=4, out_features=2)
    >>> Workload((Layer("fc", one),)).macs
    8
    """

    layers: tuple[Layer, ...]
    edges: tuple[tuple[str, str], ...] = ()
    _: KW_ONLY
    uncounted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names: set[str] = set()
        for layer in self.layers:
            if layer.name in names:
                raise RequestError(f"two layers are called {layer.name!r}; give each its own name")
            names.add(layer.name)
        for edge in self.edges:
            for name in edge:
                if name not in names:
                    raise RequestError(f"edge {edge[0]!r} -> {edge[1]!r}: no layer is called {name!r}")

    @property
    def macs(self) -> float:
        """Multiply-accumulates of a pass over the batch, on average over inputs; whole where all layers always run."""
        return sum(layer.macs for layer in self.layers)

    @property
    def weight_count(self) -> int:
        """Weights of all layers, biases and normalisation left out; what a layer reuses of another is counted again."""
        return sum(layer.shape.weights for layer in self.layers if layer.holds_weights)

    @property
    def weight_bits(self) -> int:
        """Bits that memory holds for the weights of all layers, in each layer's own encoding."""
        return sum(layer.stored_bits for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """Plain values; of a weight encoding that is not dense, its bits and rebuild actions on its layer."""
        return {
            "format": FORMAT,
            "layers": [_layer_to_json(layer) for layer in self.layers],
            "edges": [list(edge) for edge in self.edges],
            "uncounted": list(self.uncounted),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The workload that `to_json` wrote, encodings that were not dense as `StatedWeights`.

        Raises `DataError` when `data` is of another format or not a workload.
        """
        found = data.get("format")
        if found != FORMAT:
            raise DataError(f"this workload is of format {found!r}; this version of netchip reads format {FORMAT}")
        try:
            layers = tuple(_layer_from_json(each) for each in data["layers"])
            edges = tuple((str(start), str(end)) for start, end in data["edges"])
            return cls(layers, edges, uncounted=tuple(str(name) for name in data["uncounted"]))
        except KeyError as error:
            raise DataError(f"this workload lacks the key {error}") from None
        except (TypeError, ValueError, AttributeError, RequestError) as error:
            raise DataError(f"this is not a workload: {error}") from None

    def save(self, path: Path | str) -> None:
        """Writes the workload as JSON, whole or not at all."""
        write_json(Path(path), self.to_json())

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The workload in a file; raises `DataError`, which names the file, when it holds none."""
        return read_value(Path(path), cls.from_json, "a workload")


def _layer_to_json(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "shape": asdict(layer.shape) | {name: list(getattr(layer.shape, name)) for name in _PAIRS},
        "precision": asdict(layer.precision),
        "weights": _weights_to_json(layer),
        "execution_rate": layer.execution_rate,
    }


def _weights_to_json(layer: Layer) -> Any:
    if isinstance(layer.weights, DenseWeights):
        return _DENSE
    return {
        "bits": layer.weights.stored_bits(layer.shape, layer.precision),
        "actions": layer.weights.rebuild_actions(layer.shape),
    }


def _layer_from_json(data: Mapping[str, Any]) -> Layer:
    name = data["name"]
    try:
        bounds: dict[str, Any] = data["shape"] | {pair: tuple(data["shape"][pair]) for pair in _PAIRS}
        return Layer(
            name,
            LayerShape(**bounds),
            precision=Precision(**data["precision"]),
            weights=_weights_from_json(data["weights"]),
            execution_rate=float(data["execution_rate"]),
        )
    except (TypeError, RequestError) as error:
        raise DataError(f"layer {name!r}: {error}") from None


def _weights_from_json(data: Any) -> WeightEncoding:
    return DenseWeights() if data == _DENSE else StatedWeights(**data)
