"""The network as torch-pruning's dependency graph sees it, traced on a copy so that the user's model stays as it is.

torch-pruning follows autograd from the outputs back to the inputs. What it merges or guesses is kept out: the ends of
the graph and the inputs of every layer are marked, so that each node has one place, one shape, one order of operands.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn

from netchip.errors import GraphError
from netchip.graph.random_state import same_random_state
from netchip.graph.relations import Shape, Step

LAYERS = (
    nn.modules.conv._ConvNd,
    nn.Linear,
    nn.Embedding,
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.PReLU,
    nn.MultiheadAttention,
    nn.LSTM,
)


@dataclass(eq=False)
class Node:
    """One result of one operation; `output` is its number among several.

    `layer` and `parameter` are set where it is the result of a layer or a bare parameter, `enters` is the layer that it
    is handed to, `end` is "input" or "output" at the two ends of the network.
    """

    grad_fn: Any
    output: int
    shape: Shape
    layer: nn.Module | None = None
    parameter: nn.Parameter | None = None
    enters: nn.Module | None = None
    end: str = ""
    inputs: list["Edge"] = field(default_factory=list)
    outputs: list["Edge"] = field(default_factory=list)


@dataclass(eq=False)
class Edge:
    """`source` is an operand of `target`; `step` holds what autograd kept of it."""

    source: Node
    target: Node
    step: Step


@dataclass
class Trace:
    """The traced copy of a model: its nodes, and the marks that say where they belong."""

    model: nn.Module
    nodes: list[Node]


def trace(model: nn.Module, example: Any) -> Trace:
    """Traces a copy of `model` (eval, every parameter requiring gradients) on `example`: a tensor, a tuple or a dict.

    Raises `GraphError` when the model cannot be copied, run or traced.
    """
    traced = quiet_copy(model)
    for parameter in traced.parameters():
        if parameter.is_floating_point():
            parameter.requires_grad_(True)
    marks = _Marks(traced)
    with same_random_state(), torch.inference_mode(False), torch.enable_grad():
        return Trace(traced, _nodes(_build(traced, example, marks), marks))


def quiet_copy(model: nn.Module) -> nn.Module:
    """A deep copy in eval mode; raises `GraphError` when the model cannot be copied."""
    try:
        with torch.inference_mode(False):
            return copy.deepcopy(model).eval()
    except (TypeError, RuntimeError, AttributeError, ValueError) as error:
        raise GraphError(f"{type(model).__name__} cannot be copied, which tracing needs: {error}") from error


def call(model: nn.Module, example: Any) -> Any:
    """The output of `model` on `example`: a tensor, a tuple or list of arguments, or a dict of keyword arguments."""
    if isinstance(example, Mapping):
        return model(**example)
    return model(*example) if isinstance(example, (tuple, list)) else model(example)


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Every tensor in a nest of tuples, lists, dicts and dataclasses, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_of(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_of(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from tensors_of(getattr(value, name))


def map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same nest of tuples, lists and dicts with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: map_tensors(item, change) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(map_tensors(item, change) for item in value)
    return value


class _Marks:
    """Identity operations put at the ends of the network and before each layer, found again by their autograd nodes."""

    def __init__(self, model: nn.Module) -> None:
        self.enters: dict[Any, nn.Module] = {}
        self.made_by: dict[Any, nn.Module] = {}
        self.ends: dict[Any, str] = {}
        self.alive: list[Any] = []
        layers = [layer for layer in model.modules() if isinstance(layer, (*LAYERS, nn.RMSNorm))]
        self._handles = [layer.register_forward_pre_hook(self._enter, with_kwargs=True) for layer in layers]
        self._handles += [layer.register_forward_hook(self._leave) for layer in layers]

    def run(self, model: nn.Module, example: Any) -> list[Tensor]:
        outputs = call(model, map_tensors(example, self._begin))
        for handle in self._handles:
            handle.remove()
        self.alive.append(outputs)
        return [self._end(output) for output in tensors_of(outputs) if output.grad_fn is not None]

    def _begin(self, tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point():
            return tensor
        marked = tensor.detach().requires_grad_(True).clone()
        self.ends[self._kept(marked)] = "input"
        return marked

    def _end(self, tensor: Tensor) -> Tensor:
        marked = tensor.clone()
        self.ends[self._kept(marked)] = "output"
        return marked

    def _enter(self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        def mark(tensor: Tensor) -> Tensor:
            if tensor.grad_fn is None:
                return tensor
            marked = tensor.clone()
            self.enters[self._kept(marked)] = layer
            return marked

        return map_tensors(args, mark), map_tensors(kwargs, mark)

    def _leave(self, layer: nn.Module, args: Any, outputs: Any) -> None:
        for tensor in tensors_of(outputs):
            self.made_by[self._kept(tensor)] = layer

    def _kept(self, tensor: Tensor) -> Any:
        self.alive.append(tensor)
        return tensor.grad_fn


class _AsLayer(torch_pruning.BasePruningFunc):
    """Tells torch-pruning to see a layer type it does not know; nothing is ever pruned through it."""

    def prune_out_channels(self, layer: nn.Module, idxs: Any) -> nn.Module:
        return layer

    prune_in_channels = prune_out_channels

    def get_out_channels(self, layer: nn.Module) -> int:
        return layer.normalized_shape[-1]  # type: ignore[index, return-value]

    get_in_channels = get_out_channels


def _build(model: nn.Module, example: Any, marks: _Marks) -> torch_pruning.DependencyGraph:
    graph = torch_pruning.DependencyGraph()
    run: Any = marks.run
    try:
        return graph.build_dependency(
            model,
            example,
            forward_fn=run,
            customized_pruners={nn.RMSNorm: _AsLayer()},
            verbose=False,
        )
    except Exception as error:
        if hasattr(graph, "module2node"):
            return graph  # only its guesses at positions failed, after the trace; they are not used here
        raise GraphError(
            f"{type(model).__name__} could not be traced on the example input ({type(error).__name__}: {error}); "
            "check that model(example) runs in eval mode"
        ) from error


def _nodes(graph: torch_pruning.DependencyGraph, marks: _Marks) -> list[Node]:
    """Our nodes for torch-pruning's, one for each result; operations inside a layer are left unconnected."""
    results = {found.grad_fn: _results(found, marks) for found in graph.module2node.values()}
    of_layers = {nodes[0].layer: nodes for nodes in results.values() if nodes[0].layer is not None}
    for function, layer in marks.made_by.items():
        if layer in of_layers:
            results.setdefault(function, of_layers[layer])
    for found in graph.module2node.values():
        for target in results[found.grad_fn]:
            if target.layer is None:
                _connect(target, results)
    return [node for found in graph.module2node.values() for node in results[found.grad_fn]]


def _results(found: Any, marks: _Marks) -> list[Node]:
    module, grad_fn = found.module, found.grad_fn
    return [
        Node(
            grad_fn=grad_fn,
            output=output,
            shape=tuple(int(size) for size in meta.shape),
            layer=module if output == 0 and isinstance(module, (*LAYERS, nn.RMSNorm)) else None,
            parameter=module if isinstance(module, nn.Parameter) else None,
            enters=marks.enters.get(grad_fn),
            end=marks.ends.get(grad_fn, ""),
        )
        for output, meta in enumerate(grad_fn._input_metadata)
    ]


def _connect(target: Node, results: Mapping[Any, list[Node]]) -> None:
    """One edge from each operand; what a layer is handed is followed through the layer, not through its operations."""
    following = target.grad_fn.next_functions
    operands = tuple(_operand_shape(function, output) for function, output in following)
    for operand, (function, output) in enumerate(following):
        source = _result(results.get(function, []), output)
        if source is not None and source.enters is None:
            step = Step(target.grad_fn, operand, source.shape, target.shape, operands, target.output)
            edge = Edge(source, target, step)
            source.outputs.append(edge)
            target.inputs.append(edge)


def _result(nodes: list[Node], output: int) -> Node | None:
    """The result of that number; a layer that is called again, or returns several tensors, has one node for all."""
    return nodes[output] if output < len(nodes) else next((node for node in nodes if node.layer is not None), None)


def _operand_shape(function: Any, output: int) -> Shape | None:
    return None if function is None else tuple(int(size) for size in function._input_metadata[output].shape)
