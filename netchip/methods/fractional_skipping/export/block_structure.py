"""One block as an ONNX graph whose initialisers are the block's parameters by name, so that every option is a change of values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import GraphError
from netchip.graph.onnx_extra import onnx_library
from netchip.methods.fractional_skipping.blocks.quantised import QuantisedLayer
from netchip.methods.fractional_skipping.export.onnx_graph import Value, built, constant, exported

X, Y = "x", "y"
_PREFIX = "module."


@dataclass(frozen=True, eq=False)
class BlockStructure:
    """The graph of a block in full: it reads `x` and writes `y`. `model` is as torch exports it, BatchNorms included."""

    model: Any
    entering: Value
    leaving: Value

    @property
    def nodes(self) -> list[Any]:
        """Copies of the nodes in the order they run."""
        onnx = onnx_library()

        copies: list[Any] = []
        for node in self.model.graph.node:
            copied = onnx.NodeProto()
            copied.CopyFrom(node)
            copies.append(copied)
        return copies

    def constants(self, form: nn.Module) -> dict[str, Any]:
        """The initialisers with the values of `form`: the block, or a twin of it, whose quantised weights they then are."""
        return {each.name: _valued(each, form) for each in self.model.graph.initializer}

    def layer_nodes(self, nodes: Sequence[Any], name: str) -> list[Any]:
        """The nodes that multiply by the weight of the layer called `name`; raises `GraphError` where there is none."""
        wanted = {f"{_PREFIX}{name}.weight" if name else f"{_PREFIX}weight"}
        for node in nodes:
            if node.op_type in ("Transpose", "Identity") and node.input[0] in wanted:
                wanted.add(node.output[0])
        found = [node for node in nodes if len(node.input) > 1 and node.input[1] in wanted]
        if not found:
            raise GraphError(
                f"the exported block has no product with the weight of {name!r}; it cannot run at few bits"
            )
        return found

    def needed(self, nodes: Sequence[Any], outputs: Sequence[Value] = ()) -> list[Any]:
        """Those of `nodes` that `y` and `outputs` need, in the order they run."""
        makers = {name: node for node in nodes for name in node.output}
        found: dict[int, Any] = {}
        waiting = [value.name for value in (self.leaving, *outputs)]
        while waiting:
            node = makers.get(waiting.pop())
            if node is not None and id(node) not in found:
                found[id(node)] = node
                waiting += node.input
        return _ordered(list(found.values()))

    def model_of(self, nodes: Sequence[Any], constants: Mapping[str, Any], outputs: Sequence[Value] = ()) -> Any:
        """A model of `nodes` without those that nothing needs; `outputs` beside `y`."""
        kept = self.needed(nodes, outputs)
        used = {name for node in kept for name in node.input}
        held = [each for name, each in constants.items() if name in used]
        return built(kept, held, [self.entering], [self.leaving, *outputs])


@torch.no_grad()
def structure_of(block: nn.Module, features: Tensor) -> BlockStructure:
    """The structure of `block`, which takes `features` [B, ...]."""
    model = exported(_OneInput(block), [features], [X], [Y], optimised=False)
    return BlockStructure(model, Value.of(X, features), Value.of(Y, block(features)))


def structure_key(block: nn.Module, features: Tensor) -> Any:
    """Blocks of one key are taken to have one structure; it is checked with their values."""
    shapes = tuple((name, tuple(each.shape)) for name, each in block.state_dict().items())
    return (type(block), repr(block), shapes, tuple(features.shape[1:]))


class _OneInput(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.module(tensors[0])


def _valued(initialiser: Any, form: nn.Module) -> Any:
    """The initialiser with the value that `form` has under its name; as it is where it is no parameter."""
    name = initialiser.name
    if not name.startswith(_PREFIX):
        return initialiser
    path, _, attribute = name.removeprefix(_PREFIX).rpartition(".")
    try:
        holder = form.get_submodule(path)
    except AttributeError:
        return initialiser
    if isinstance(holder, QuantisedLayer):
        value = holder.weight() if attribute == "weight" else getattr(holder.layer, attribute)
    else:
        value = getattr(holder, attribute)
    return constant(name, cast("Tensor", value).detach().to(torch.float32) if value.is_floating_point() else value)


def _ordered(nodes: Sequence[Any]) -> list[Any]:
    """Nodes after those whose results they read."""
    made = {name for node in nodes for name in node.output}
    ready: set[str] = set()
    waiting, found = list(nodes), []
    while waiting:
        able = [node for node in waiting if all(name not in made or name in ready for name in node.input)]
        found += able
        ready |= {name for node in able for name in node.output}
        waiting = [node for node in waiting if not any(node is each for each in able)]
    return found


def readers(nodes: Sequence[Any], name: str) -> list[Any]:
    """The nodes that read a value."""
    return [node for node in nodes if name in node.input]


def rewire(nodes: Sequence[Any], old: str, new: str, but: Sequence[Any] = ()) -> None:
    """Lets all nodes that read `old` read `new`, except for `but`."""
    for node in nodes:
        if not any(node is each for each in but):
            node.input[:] = [new if name == old else name for name in node.input]


def scalar(value: float) -> np.ndarray:
    """A float32 of no dimensions."""
    return np.array(value, dtype=np.float32)
