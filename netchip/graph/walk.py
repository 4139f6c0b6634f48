"""From an exported program to captured operations: what depends on the input, where each operand comes from.

Exported programs still hold in-place operators, so a value belongs to a *storage* that all its views share; a write to
one view is seen by every later reader of another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn
from torch.export.graph_signature import InputKind

from netchip.graph.capture import UNKNOWN_SIZE, Captured, CapturedOp, Operand
from netchip.graph.names import LayerNames
from netchip.graph.operators import MATRIX_PRODUCTS, VALUE_FREE, base_name

_RUN_ONCE = ("wrap_with_set_grad_enabled", "wrap_with_autocast", "tag_activation_checkpoint", "wrap", "invoke_subgraph")


@dataclass
class _Storage:
    """What all views of one tensor share: who wrote to it, whether the input reaches it, the parameters behind it."""

    from_input: bool = False
    writers: list[str] = field(default_factory=list)
    parameters: tuple[str, ...] = ()


@dataclass
class _Value:
    """What one graph node holds: a storage, and the operation that made it (None for inputs, parameters, constants)."""

    storage: _Storage
    maker: str | None = None
    parts: tuple["_Value", ...] | None = None

    @property
    def producers(self) -> tuple[str, ...]:
        made = () if self.maker is None else (self.maker,)
        return tuple(dict.fromkeys((*made, *self.storage.writers)))


def walk(model: nn.Module, program: torch.export.ExportedProgram) -> Captured:
    """The operations of `program`, which was exported from `model`, that depend on the program's user inputs."""
    walker = _Walker(model)
    roots = _roots(model, program)
    results = walker.run(program.graph_module, roots)
    return Captured(
        ops=tuple(walker.ops), outputs=tuple(dict.fromkeys(n for value in results for n in value.producers))
    )


def _roots(model: nn.Module, program: torch.export.ExportedProgram) -> list[_Value]:
    tied = _tied_names(model)
    values = []
    for spec in program.graph_signature.input_specs:
        from_input = spec.kind is InputKind.USER_INPUT
        values.append(_Value(_Storage(from_input, parameters=tied.get(spec.target or "", ()))))
    return values


def _tied_names(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """Every name of a parameter or buffer -> all names of that same tensor, the model's first name leading."""
    groups: dict[int, list[str]] = {}
    for named in (model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)):
        for name, tensor in named:
            groups.setdefault(id(tensor), []).append(name)
    return {name: tuple(names) for names in groups.values() for name in names}


class _Walker:
    def __init__(self, model: nn.Module) -> None:
        self.names = LayerNames(model)
        self.ops: list[CapturedOp] = []

    def run(self, graph_module: fx.GraphModule, inputs: Sequence[_Value]) -> list[_Value]:
        """Walks one graph with `inputs` for its placeholders; returns the values of its outputs."""
        values: dict[fx.Node, _Value] = {}
        waiting = iter(inputs)
        for node in graph_module.graph.nodes:
            if node.op == "placeholder":
                values[node] = next(waiting)
            elif node.op == "get_attr":
                values[node] = _Value(_Storage())
            elif node.op == "call_function":
                values[node] = self._call(graph_module, node, values)
        return [values[node] for node in graph_module.graph.output_node().all_input_nodes]

    def _call(self, graph_module: fx.GraphModule, node: fx.Node, values: dict[fx.Node, _Value]) -> _Value:
        if isinstance(node.target, torch._ops.OpOverload):
            return self._operator(node, values)
        if getattr(node.target, "__name__", "") == "getitem" and isinstance(node.args[0], fx.Node):
            return _part(values[node.args[0]], node.args[1])
        body = _body(graph_module, node)
        if body is not None:
            inner, arguments = body
            parts = tuple(self.run(inner, [values[argument] for argument in arguments]))
            return _Value(parts[0].storage if parts else _Storage(), parts=parts)
        reads = [values[each] for each in node.all_input_nodes]
        return self._opaque(node, reads)

    def _operator(self, node: fx.Node, values: dict[fx.Node, _Value]) -> _Value:
        arguments = list(_arguments(node))
        read = [
            (name, each, values[each]) for name, value, _ in arguments for name, each in _tensors(name, value, values)
        ]
        op = _operator_name(node)
        from_input = base_name(op) not in VALUE_FREE and any(value.storage.from_input for _, _, value in read)
        parameters = (
            () if from_input else tuple(dict.fromkeys(n for _, _, value in read for n in value.storage.parameters))
        )
        layer = self._record(node, op, read, arguments) if from_input else None
        self._write(arguments, values, layer)
        viewed = next((values[v] for _, v, alias in arguments if alias is not None and isinstance(v, fx.Node)), None)
        storage = viewed.storage if viewed is not None else _Storage(from_input, [], parameters)
        return _Value(storage, layer)

    def _write(
        self, arguments: Sequence[tuple[str, Any, Any]], values: Mapping[fx.Node, _Value], layer: str | None
    ) -> None:
        for _, value, alias in arguments:
            if alias is None or not alias.is_write or layer is None:
                continue
            for written in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(written, fx.Node):
                    storage = values[written].storage
                    storage.from_input, storage.parameters = True, ()
                    storage.writers.append(layer)

    def _record(
        self, node: fx.Node, op: str, read: Sequence[tuple[str, fx.Node, _Value]], arguments: Sequence[Any]
    ) -> str:
        operands = tuple(_operand(name, each, value) for name, each, value in read)
        attributes = {name: _plain(value) for name, value, _ in arguments if not _holds_nodes(value)}
        return self._append(node, op, operands, attributes)

    def _opaque(self, node: fx.Node, reads: Sequence[_Value]) -> _Value:
        """A call that is no plain operator: control flow (torch.cond), symbolic arithmetic, a kernel of its own."""
        from_input = any(value.storage.from_input for value in reads)
        if not from_input or not isinstance(node.target, torch._ops.HigherOrderOperator):
            return _Value(_Storage(from_input))
        operands = tuple(
            _operand(f"args[{index}]", each, value)
            for index, (each, value) in enumerate(zip(node.all_input_nodes, reads, strict=True))
            if each.op != "get_attr"
        )
        return _Value(_Storage(True), self._append(node, _operator_name(node), operands, {}))

    def _append(self, node: fx.Node, op: str, operands: tuple[Operand, ...], attributes: Mapping[str, Any]) -> str:
        path = _module_path(node)
        base = self.names.base(path, base_name(op), _weight_parameters(op, operands))
        layer = self.names.unique(base)
        module_names = self.names.all_names(path)
        self.ops.append(
            CapturedOp(
                layer=layer,
                op=op,
                module=module_names[0],
                module_names=module_names,
                operands=operands,
                output_shapes=tuple(_shape(value) for value in _flat(node.meta.get("val"))),
                attributes=attributes,
            )
        )
        return layer


def _weight_parameters(op: str, operands: Sequence[Operand]) -> tuple[str, ...]:
    """Parameters behind the operation's weight: its `weight` operand; in a matrix product the first that has any."""
    of_product = base_name(op) in MATRIX_PRODUCTS
    weights = (each for each in operands if each.argument == "weight" or (of_product and not each.from_input))
    return next((each.parameters for each in weights if each.parameters), ())


def _arguments(node: fx.Node) -> Iterator[tuple[str, Any, Any]]:
    """(name, value, alias information) of every argument in the operator's schema, defaults filled in."""
    for index, argument in enumerate(node.target._schema.arguments):  # type: ignore[union-attr]
        given = node.args[index] if index < len(node.args) else node.kwargs.get(argument.name, argument.default_value)
        yield argument.name, given, argument.alias_info


def _tensors(name: str, value: Any, values: Mapping[fx.Node, _Value]) -> Iterator[tuple[str, fx.Node]]:
    if isinstance(value, fx.Node):
        if isinstance(value.meta.get("val"), torch.Tensor):
            yield name, value
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from _tensors(f"{name}[{index}]", each, values)


def _operand(name: str, node: fx.Node, value: _Value) -> Operand:
    tensor = node.meta.get("val")
    storage = value.storage
    return Operand(
        argument=name,
        shape=_shape(tensor),
        dtype=str(getattr(tensor, "dtype", "unknown")).removeprefix("torch."),
        expanded=_expanded(tensor),
        from_input=storage.from_input,
        producers=value.producers,
        parameters=storage.parameters,
    )


def _body(graph_module: fx.GraphModule, node: fx.Node) -> tuple[fx.GraphModule, list[fx.Node]] | None:
    """The graph inside a call that runs it exactly once (no_grad, autocast, checkpointing), and what it is run on."""
    if _operator_name(node).split(".")[-1] not in _RUN_ONCE:
        return None
    for index, argument in enumerate(node.args):
        if isinstance(argument, fx.Node) and argument.op == "get_attr":
            inner = getattr(graph_module, str(argument.target), None)
            if isinstance(inner, fx.GraphModule):
                return inner, [each for each in node.args[index + 1 :] if isinstance(each, fx.Node)]
    return None


def _part(value: _Value, index: Any) -> _Value:
    return value.parts[index] if value.parts is not None and isinstance(index, int) else value


def _operator_name(node: fx.Node) -> str:
    if isinstance(node.target, torch._ops.OpOverload):
        return node.target._schema.name.replace("::", ".")
    return f"{getattr(node.target, 'namespace', 'python')}.{getattr(node.target, '__name__', str(node.target))}"


def _module_path(node: fx.Node) -> str:
    """The innermost module that ran the node; a repeated call's '@1' is taken off."""
    stack = node.meta.get("nn_module_stack") or {}
    path = next(reversed(stack.values()))[0] if stack else ""
    return ".".join(part.split("@")[0] for part in path.split("."))


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(_size(size) for size in value.shape) if isinstance(value, torch.Tensor) else ()


def _size(size: Any) -> int:
    if isinstance(size, torch.SymInt) and not size.node.has_hint():
        return UNKNOWN_SIZE
    return int(size)


def _expanded(value: Any) -> tuple[int, ...]:
    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided:
        return ()
    known = zip(value.stride(), _shape(value), strict=True)
    return tuple(
        axis for axis, (stride, size) in enumerate(known) if size > 1 and isinstance(stride, int) and stride == 0
    )


def _flat(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [each for each in value if isinstance(each, torch.Tensor)] if isinstance(value, (list, tuple)) else []


def _holds_nodes(value: Any) -> bool:
    return isinstance(value, fx.Node) or (
        isinstance(value, (list, tuple)) and any(_holds_nodes(each) for each in value)
    )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
