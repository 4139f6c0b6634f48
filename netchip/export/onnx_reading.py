"""An ONNX model as a `Workload`: the layers that hold its multiply-accumulates, and which feeds which."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netchip.errors import DataError, NetchipWarning, RequestError
from netchip.export.onnx_layers import Operand, Sizes, fit_together, layer_of
from netchip.export.onnx_operators import NESTED, NO_MACS, PRODUCTS, VALUE_FREE, is_onnxs_own
from netchip.graph.onnx_extra import onnx_library
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

_PURPOSE = "reading an ONNX file"


def read_onnx(
    path: Path | str,
    precision: Precision | None = None,
    *,
    inputs: Mapping[str, Sizes] | None = None,
    strict: bool = False,
) -> Workload:
    """The layers of an ONNX model, each at `precision` (8-bit by default). Needs the extra `export`.

    Counted are Conv, ConvTranspose (1d, 2d, grouped, dilated), Gemm, MatMul and their quantised forms; a product of two
    operands that both depend on the input is a matmul layer. What depends on no input is made once and counts nothing.
    Padding that differs at both ends is put alike where that gives as many outputs, else it counts as input. An
    operator whose MACs are not known is named in one `NetchipWarning` and in `Workload.uncounted`; with `strict` it raises
    `DataError`. `inputs` gives the shapes of inputs by name, needed where the model leaves a size open. Weights kept in
    other files are not read.

    Raises `MissingExtra` without onnx, `DataError` for a file that holds no model or one whose nodes are not in order,
    `RequestError` for an input that is not there or a size that is open.
    """
    onnx = onnx_library(_PURPOSE)
    model = _inferred(onnx, _loaded(onnx, path), path, inputs or {})
    walk = _Walk(str(path), _sizes(model.graph), precision or Precision())
    walk.start(model.graph)
    for node in model.graph.node:
        walk.visit(node, _attributes(onnx, node))
    _report(walk.uncounted, str(path), strict)
    return Workload(tuple(walk.layers.values()), tuple(walk.edges), uncounted=tuple(walk.uncounted))


def onnx_inputs(path: Path | str) -> tuple[str, ...]:
    """The names of an ONNX model's inputs, those it holds values for left out. Raises as `read_onnx` does."""
    graph = _loaded(onnx_library(_PURPOSE), path).graph
    held = {each.name for each in graph.initializer}
    return tuple(each.name for each in graph.input if each.name not in held)


def _loaded(onnx: Any, path: Path | str) -> Any:
    try:
        model = onnx.load(path, load_external_data=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # protobuf's own errors among others
        raise DataError(f"{path}: not readable as ONNX ({_one_line(error)})") from error
    if not model.graph.node:
        raise DataError(f"{path}: holds no ONNX graph, or one without nodes; export the model again")
    return onnx.inliner.inline_local_functions(model) if model.functions else model


def _inferred(onnx: Any, model: Any, path: Path | str, inputs: Mapping[str, Sizes]) -> Any:
    held = {each.name for each in model.graph.initializer}
    open_inputs = {each.name: each for each in model.graph.input if each.name not in held}
    for name, sizes in inputs.items():
        if name not in open_inputs:
            raise RequestError(f"{path}: no input is called {name!r}; the model has {', '.join(open_inputs)}")
        _fix(open_inputs[name], sizes, path)
    if inputs:  # what was stored held for other sizes
        del model.graph.value_info[:]
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
    for value in open_inputs.values():
        _check_known(value, path)
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # onnx's own errors, such as that of a model which names no opset
        raise DataError(f"{path}: its shapes cannot be inferred ({_one_line(error)})") from error


def _fix(value: Any, sizes: Sizes, path: Path | str) -> None:
    dims = value.type.tensor_type.shape.dim
    if len(dims) not in (0, len(sizes)) or any(type(size) is not int or size < 1 for size in sizes):
        raise RequestError(
            f"{path}: input {value.name!r} cannot have the shape {tuple(sizes)}; give {len(dims) or 'some'} whole numbers of "
            "at least 1"
        )
    for _ in range(len(sizes) - len(dims)):
        dims.add()
    for dim, size in zip(dims, sizes, strict=True):
        dim.dim_value = size


def _check_known(value: Any, path: Path | str) -> None:
    if value.type.HasField("tensor_type"):
        sizes = [dim.dim_value or dim.dim_param or "?" for dim in value.type.tensor_type.shape.dim]
        if not all(isinstance(size, int) for size in sizes):
            shown = ", ".join(map(str, sizes))
            raise RequestError(
                f"{path}: input {value.name!r} has the open shape ({shown}); give it as inputs={{{value.name!r}: (...)}}"
            )


def _sizes(graph: Any) -> dict[str, Sizes]:
    """Sizes of the tensors that are known in full."""
    found: dict[str, Sizes] = {each.name: tuple(each.dims) for each in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim):
            found.setdefault(value.name, tuple(dim.dim_value for dim in tensor.shape.dim))
    return found


def _attributes(onnx: Any, node: Any) -> dict[str, Any]:
    values = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}


@dataclass
class _Walk:
    """What a walk over the nodes, in their order, has found so far.

    `varies`: tensors that depend on the network's input; `known`: all there are so far; `sources`: the layers that made
    a tensor, directly or through operators that are not counted.
    """

    path: str
    sizes: Mapping[str, Sizes]
    precision: Precision
    varies: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=lambda: {""})
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    edges: dict[tuple[str, str], None] = field(default_factory=dict)
    uncounted: list[str] = field(default_factory=list)

    def start(self, graph: Any) -> None:
        """Inputs vary, initializers do not."""
        fixed = {each.name for each in (*graph.initializer, *(each.values for each in graph.sparse_initializer))}
        self.varies |= {each.name for each in graph.input} - fixed
        self.known |= self.varies | fixed

    def visit(self, node: Any, attributes: Mapping[str, Any]) -> None:
        """Counts a node, or passes on what made its inputs."""
        reads = [*node.input, *_outer_reads(node)]
        for name in node.input:
            if name not in self.known:
                raise DataError(
                    f"{self.path}: node {_label(node)!r} reads {name!r}, which nothing before it makes; put the nodes in order"
                )
        self.known |= set(node.output)
        if node.op_type in VALUE_FREE or not any(name in self.varies for name in reads):
            return
        self.varies |= set(node.output)
        before = tuple(dict.fromkeys(source for name in reads for source in self.sources.get(name, ())))
        made = self._count(node, attributes)
        self.edges.update(dict.fromkeys((source, name) for name in made for source in before))
        self.sources |= dict.fromkeys(node.output, made or before)

    def _count(self, node: Any, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        if _has_no_macs(node):
            return ()
        try:
            name = self._new_name(_label(node))
            self.layers[name] = Layer(name, self._shape(node, attributes), precision=self.precision)
            return (name,)
        except DataError:
            raise
        except RequestError as reason:
            told = f"{node.op_type}, {reason}" if str(reason) else str(node.op_type)
            self.uncounted.append(f"{_label(node)} ({told})")
            return ()

    def _shape(self, node: Any, attributes: Mapping[str, Any]) -> LayerShape:
        if not is_onnxs_own(node.domain) or node.op_type not in PRODUCTS:
            raise RequestError(f"of {node.domain}" if not is_onnxs_own(node.domain) else "")
        operands: list[Operand] = []
        for place in PRODUCTS[node.op_type]:
            name = node.input[place]
            if name not in self.sizes:
                raise RequestError(f"{name!r} has a size that shape inference does not find")
            operands.append(Operand(self.sizes[name], name not in self.varies))
        first, second = operands
        if not fit_together(node.op_type, first.sizes, second.sizes, attributes):
            raise DataError(
                f"{self.path}: node {_label(node)!r} ({node.op_type}) cannot take sizes {first.sizes} and {second.sizes}; "
                "export the model again, or give other inputs"
            )
        return layer_of(node.op_type, first, second, attributes)

    def _new_name(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self.layers:
            count += 1
            name = f"{wanted}_{count}"
        return name


def _label(node: Any) -> str:
    return node.name or next(iter(node.output), "") or node.op_type


def _graphs(node: Any) -> list[Any]:
    graphs = [graph for each in node.attribute for graph in each.graphs]
    return graphs + [each.g for each in node.attribute if each.HasField("g")]


def _outer_reads(node: Any) -> Iterable[str]:
    """Tensors that graphs inside a node read from outside."""
    for graph in _graphs(node):
        for inner in graph.node:
            yield from inner.input
            yield from _outer_reads(inner)


def _has_no_macs(node: Any) -> bool:
    if not is_onnxs_own(node.domain):
        return False
    if node.op_type in NESTED:
        return all(_has_no_macs(inner) for graph in _graphs(node) for inner in graph.node)
    return node.op_type in NO_MACS


def _report(uncounted: list[str], path: str, strict: bool) -> None:
    if not uncounted:
        return
    message = f"{path}: not counted, since netchip does not know their multiply-accumulates: {', '.join(uncounted)}"
    if strict:
        raise DataError(f"{message}; replace them, or leave strict out to get a workload without them")
    warnings.warn(f"{message}; the workload's MACs are without them", NetchipWarning, stacklevel=3)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
