"""The statistics of a network as a value and a file."""

import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self, cast

from netchip.errors import DataError, RequestError
from netchip.files import read_value, write_json
from netchip.workload.network import Workload
from netchip.workload.sparsity import LayerSparsity

FORMAT = 1


@dataclass(frozen=True)
class NetworkSparsity:
    """Statistics of a network's layers, by layer name, and where they come from ("assumed", "measured on 64 images", ...).

    Raises `RequestError` when two layers share a name or the source is not said.
    """

    layers: tuple[LayerSparsity, ...]
    source: str

    def __post_init__(self) -> None:
        if not self.source:
            raise RequestError("say where the sparsity comes from, such as source='assumed'")
        names = [each.layer for each in self.layers]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise RequestError(f"the sparsity of {twice!r} is stated twice; state it once")

    def of(self, layer: str) -> LayerSparsity:
        """The statistics of a layer; raises `RequestError` where there are none."""
        for each in self.layers:
            if each.layer == layer:
                return each
        known = ", ".join(each.layer for each in self.layers[:5]) or "none"
        raise RequestError(
            f"there is no sparsity of the layer {layer!r}; there is of {known} ({len(self.layers)} layers)"
        )

    def check_covers(self, workload: Workload) -> None:
        """Raises `RequestError` that names the first layer without statistics, or with those of another number of weights."""
        for layer in workload.layers:
            weights = self.of(layer.name).weights
            if weights.elements != layer.shape.weights or weights.filters != layer.shape.total_out_channels:
                raise RequestError(
                    f"{layer.name}: the sparsity is of {weights.elements:g} weights in {weights.filters} filters, the layer has "
                    f"{layer.shape.weights} in {layer.shape.total_out_channels}; count the layer's own weights"
                )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"format": FORMAT, "source": self.source, "layers": [asdict(each) for each in self.layers]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The statistics that `to_json` wrote; raises `DataError` when `data` is of another format or none."""
        if data.get("format") != FORMAT:
            raise DataError(
                f"this sparsity is of format {data.get('format')!r}; this version of netchip reads format {FORMAT}"
            )
        try:
            return cls(tuple(layer_sparsity_from_json(each) for each in data["layers"]), str(data["source"]))
        except KeyError as error:
            raise DataError(f"this sparsity lacks the key {error}") from None
        except (TypeError, AttributeError, RequestError) as error:
            raise DataError(f"this is not a network's sparsity: {error}") from None

    def save(self, path: Path | str) -> None:
        """Writes the statistics as JSON, whole or not at all."""
        write_json(Path(path), self.to_json())

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The statistics in a file; raises `DataError`, which names the file, when it holds none."""
        return read_value(Path(path), cls.from_json, "a network's sparsity")


def layer_sparsity_from_json(data: Mapping[str, Any]) -> LayerSparsity:
    """The statistics of a layer that `dataclasses.asdict` made; raises `TypeError` or `RequestError` where they are none."""
    return cast("LayerSparsity", _built(LayerSparsity, data))


def _built(kind: type, data: Any) -> Any:
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind.__name__} is {data!r}; it takes keys with values")
    table = cast("Mapping[str, Any]", data)
    wanted = _models(kind)
    return kind(**{name: _value(wanted.get(name), value, name) for name, value in table.items()})


def _value(model: type | None, value: Any, name: str) -> Any:
    if model is not None:
        return None if value is None else _built(model, value)
    if name != "layer" and not isinstance(value, int | float):
        raise TypeError(f"{name} = {value!r}; it takes a number")
    return value


@cache
def _models(kind: type) -> dict[str, type | None]:
    """Which field of `kind` is a value of its own, and of what kind."""
    hints = typing.get_type_hints(kind)
    return {each.name: _model(hints[each.name]) for each in fields(kind)}


def _model(hint: Any) -> type | None:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return next((cast("type", kind) for kind in kinds if is_dataclass(kind)), None)
