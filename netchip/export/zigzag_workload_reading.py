"""ZigZag's workload YAML as a `Workload`: what `zigzag_workload` writes, and ZigZag's own files of the same grammar."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from netchip.errors import DataError, RequestError
from netchip.export.yaml_text import read_yaml
from netchip.spec import Spec
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape, Pair

_RELATION = re.compile(r"(i[xy])\s*=\s*(?:(\d+)\s*\*\s*)?o[xy]\s*\+\s*(?:(\d+)\s*\*\s*)?f[xy]")
_Count = Annotated[int, Field(ge=1)]
_Dim = Literal["B", "G", "K", "C", "OY", "OX", "FY", "FX"]
_Side = Literal["IX", "IY"]
_Pads = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]


class ZigZagLayer(Spec):
    """An entry of the file; a loop that is not named runs once, a window that is not stated has stride and dilation 1."""

    id: int
    name: str = ""
    operator_type: str
    equation: str
    dimension_relations: tuple[str, ...] = ()
    loop_dims: tuple[_Dim, ...]
    loop_sizes: tuple[_Count, ...]
    pr_loop_dims: tuple[_Side, ...] = ()
    pr_loop_sizes: tuple[_Count, ...] = ()
    padding: tuple[_Pads, ...] = ()
    operand_precision: Mapping[Literal["W", "I", "O", "O_final"], _Count]
    operand_source: Mapping[Literal["W", "I"], int] = {}

    @model_validator(mode="after")
    def _paired(self) -> Self:
        for dims, sizes in (
            ("loop_dims", "loop_sizes"),
            ("pr_loop_dims", "pr_loop_sizes"),
            ("pr_loop_dims", "padding"),
        ):
            names, given = getattr(self, dims), getattr(self, sizes)
            if given and len(names) != len(given):
                raise ValueError(f"{dims} names {len(names)} and {sizes} holds {len(given)}; give one for each")
        for relation in self.dimension_relations:
            if not _RELATION.fullmatch(relation.strip()):
                raise ValueError(f"dimension_relations: {relation!r} is not read; write one such as 'ix=2*ox+1*fx'")
        return self


def read_zigzag_workload(path: Path | str) -> Workload:
    """The layers of a ZigZag 3.x workload file, each at the precision it states, and the edges between them.

    A layer whose second operand comes from another layer is a product of activations, and so is a Gemm of which no source is
    another layer. Padding that differs at both ends counts as input. Raises `DataError` that names the file and the layer.
    """
    entries = read_yaml(path)
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}: a workload of ZigZag is a list of layers; found {type(entries).__name__}")
    files = [_entry(each, place, path) for place, each in enumerate(entries)]
    names = {each.id: each.name or f"layer{each.id}" for each in files}
    edges = {
        (names[source], names[each.id]): None
        for each in files
        for source in each.operand_source.values()
        if source != each.id and source in names
    }
    try:
        return Workload(tuple(_layer(each, names[each.id]) for each in files), tuple(edges))
    except RequestError as error:
        raise DataError(f"{path}: {error}") from None


def _entry(data: Any, place: int, path: Path | str) -> ZigZagLayer:
    if not isinstance(data, Mapping):
        raise DataError(f"{path}: entry {place} is no layer but {type(data).__name__}")
    return ZigZagLayer.parse(data, source=f"{path}, entry {place}")


def _layer(file: ZigZagLayer, name: str) -> Layer:
    bits = file.operand_precision
    precision = Precision(
        weight_bits=bits.get("W", 8),
        input_bits=bits.get("I", 8),
        output_bits=bits.get("O_final", bits.get("O", 8)),
        accumulator_bits=bits.get("O", 8),
    )
    try:
        return Layer(name, _shape(file), precision=precision)
    except RequestError as error:
        raise RequestError(f"{name}: {error}") from None


def _shape(file: ZigZagLayer) -> LayerShape:
    loops: dict[str, int] = dict(zip(file.loop_dims, file.loop_sizes, strict=True))
    bounds = {dim: loops.get(dim, 1) for dim in ("B", "G", "K", "C", "OY", "OX", "FY", "FX")}
    height, width = (_side(file, axis, bounds) for axis in "yx")
    return LayerShape.of_loops(
        bounds,
        in_height=height.size,
        in_width=width.size,
        stride=(height.stride, width.stride),
        dilation=(height.dilation, width.dilation),
        padding=(height.padding, width.padding),
        kind="matmul" if _of_activations(file) else "conv",
    )


class _Axis(NamedTuple):
    """One axis of the window over the input."""

    size: int
    stride: int
    dilation: int
    padding: int


def _side(file: ZigZagLayer, axis: str, bounds: Mapping[str, int]) -> _Axis:
    stride, dilation = _window(file.dimension_relations, f"i{axis}")
    place = f"I{axis.upper()}"
    pads: dict[str, tuple[int, int]] = dict(zip(file.pr_loop_dims, file.padding, strict=False))
    sizes: dict[str, int] = dict(zip(file.pr_loop_dims, file.pr_loop_sizes, strict=False))
    before, after = pads.get(place, (0, 0))
    reached = (bounds[f"O{axis.upper()}"] - 1) * stride + (bounds[f"F{axis.upper()}"] - 1) * dilation + 1
    size = sizes.get(place, reached - before - after)
    if before != after:
        return _Axis(size + before + after, stride, dilation, 0)
    return _Axis(size, stride, dilation, before)


def _window(relations: Sequence[str], side: str) -> Pair:
    """Stride and dilation along a side of the input; 1 where nothing is stated."""
    for relation in relations:
        found = _RELATION.fullmatch(relation.strip())
        if found and found[1] == side:
            return int(found[2] or 1), int(found[3] or 1)
    return 1, 1


def _of_activations(file: ZigZagLayer) -> bool:
    sources = {file.operand_source.get(operand, file.id) for operand in ("W", "I")}
    own_weights = file.operand_source.get("W", file.id) == file.id
    return not own_weights or (file.operator_type == "Gemm" and sources == {file.id})
