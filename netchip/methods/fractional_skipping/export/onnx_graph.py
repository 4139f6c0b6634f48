"""ONNX models made from torch modules, cut at named values, and put together again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import GraphError
from netchip.graph.onnx_extra import onnx_library
from netchip.graph.to_onnx import OPSET, to_onnx

IR_VERSION = 10
"""What ONNX Runtime 1.17 and later read."""


@dataclass(frozen=True)
class Value:
    """A tensor that passes from one graph to another: its name, its type and its shape, in which None is the batch."""

    name: str
    dtype: torch.dtype
    shape: tuple[int | None, ...]

    @classmethod
    def of(cls, name: str, tensor: Tensor) -> "Value":
        """That of a tensor [B, ...]."""
        return cls(name, tensor.dtype, (None, *tensor.shape[1:]))


def exported(
    module: nn.Module, inputs: Sequence[Tensor], names: Sequence[str], outputs: Sequence[str], *, optimised: bool
) -> Any:
    """The graph of `module` in evaluation on `inputs` [B, ...], B of any size; initialisers keep the parameters' names.

    Raises `GraphError` where torch cannot export it.
    """
    batch = torch.export.Dim("batch", min=1)  # sizes of one batch are one dimension
    free = {"tensors": tuple({0: batch} for _ in inputs)}
    return to_onnx(module, tuple(inputs), inputs=names, outputs=outputs, free=free, optimised=optimised)


def cut(model: Any, inputs: Mapping[str, Value], outputs: Sequence[Value]) -> Any:
    """The part of `model` that computes `outputs` from those of `inputs` that it needs."""
    makers = {name: node for node in model.graph.node for name in node.output}
    constants = {each.name: each for each in model.graph.initializer}
    nodes: dict[int, Any] = {}
    used: dict[str, Value] = {}
    held: dict[str, Any] = {}
    waiting = [value.name for value in outputs]
    while waiting:
        name = waiting.pop()
        if name in inputs and name not in {value.name for value in outputs}:
            used[name] = inputs[name]
        elif name in constants:
            held[name] = constants[name]
        elif name and id(makers[name]) not in nodes:
            nodes[id(makers[name])] = makers[name]
            waiting += makers[name].input
    kept = [node for node in model.graph.node if id(node) in nodes]
    return built(kept, held.values(), [used[name] for name in inputs if name in used], outputs)


def built(nodes: Sequence[Any], constants: Iterable[Any], inputs: Sequence[Value], outputs: Sequence[Value]) -> Any:
    """A model of `nodes` in the order they run."""
    onnx = onnx_library()

    graph = onnx.helper.make_graph(nodes, "piece", _infos(inputs), _infos(outputs), list(constants))
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def constant(name: str, value: Any) -> Any:
    """An initialiser of a tensor or an array."""
    onnx = onnx_library()

    return onnx.numpy_helper.from_array(value.detach().cpu().numpy() if isinstance(value, Tensor) else value, name)


def _infos(values: Sequence[Value]) -> list[Any]:
    onnx = onnx_library()

    types = {
        torch.float32: onnx.TensorProto.FLOAT,
        torch.float64: onnx.TensorProto.DOUBLE,
        torch.int64: onnx.TensorProto.INT64,
    }
    found: list[Any] = []
    for value in values:
        if value.dtype not in types:
            raise GraphError(
                f"{value.name} is {value.dtype}; networks are exported in float32, convert it with .float()"
            )
        sizes = ["batch" if size is None else size for size in value.shape]
        found.append(onnx.helper.make_tensor_value_info(value.name, types[value.dtype], sizes))
    return found


def inlined(model: Any, prefix: str, renamed: Mapping[str, str]) -> tuple[list[Any], list[Any]]:
    """Nodes and initialisers of `model` with every name under `prefix`, but for the inputs and outputs that are `renamed`."""
    onnx = onnx_library()

    def name(old: str) -> str:
        return renamed.get(old, f"{prefix}{old}") if old else ""

    nodes: list[Any] = []
    for node in model.graph.node:
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        copied.name = f"{prefix}{node.name}"
        copied.input[:] = [name(each) for each in node.input]
        copied.output[:] = [name(each) for each in node.output]
        nodes.append(copied)
    constants: list[Any] = []
    for each in model.graph.initializer:
        held = onnx.TensorProto()
        held.CopyFrom(each)
        held.name = name(each.name)
        constants.append(held)
    return nodes, constants
