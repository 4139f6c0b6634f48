"""Pieces put together: one model that branches (`If`, batch 1), and one whose route is frozen (any batch)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from netchip.errors import ConfigError
from netchip.graph.onnx_extra import onnx_library
from netchip.methods.fractional_skipping.export.block_structure import X, Y
from netchip.methods.fractional_skipping.export.frame import INPUT, OUTPUT, PLAN
from netchip.methods.fractional_skipping.export.onnx_graph import IR_VERSION, OPSET, constant, inlined
from netchip.methods.fractional_skipping.export.pieces import FULL, Pieces

ROUTES = "routes"


def frozen_model(pieces: Pieces, route: Sequence[int | str]) -> Any:
    """One model for batches of any size in which each block runs one option, without a gate: static mixed precision.

    `route` [L]: options by index or name; "full" is each block in floats, whether the set has it or not. Blocks of at most
    8 bits are in QDQ form where the pieces are. Raises `ConfigError` for a route of another length or unknown options.
    """
    if len(route) != len(pieces.blocks):
        raise ConfigError(f"a route of {len(route)} options; this network has {len(pieces.blocks)} gated blocks")
    whole = _Whole(pieces)
    for index, option in enumerate(route):
        whole.add(f"before.{index}")
        model = pieces.block(index, option)
        whole.put(model, f"block.{index}.", {X: whole.entering(index), Y: f"leave.{index}"})
    whole.add("head")
    return whole.model([OUTPUT], batch=None)


def branching_model(pieces: Pieces) -> Any:
    """One model for a single input: the gate's decisions choose the branches that run. Outputs: `output`, and `routes` [1, L].

    The bias of the pieces is inside. A gate that gives NaN is not noticed.
    """
    whole = _Whole(pieces)
    for index in range(len(pieces.blocks)):
        whole.add(f"before.{index}")
        whole.add(f"gate.{index}")
        chosen = whole.planned(index) if pieces.upfront else whole.decided(index)
        whole.branch(index, chosen)
    whole.add("head")
    whole.node("Concat", [f"chosen.{index}" for index in range(len(pieces.blocks))], "routes.flat", axis=0)
    whole.node("Unsqueeze", ["routes.flat", whole.held("first.axis", np.array([0]))], ROUTES)
    return whole.model([OUTPUT, ROUTES], batch=1)


class _Whole:
    """A graph that grows; values keep the names that the pieces know them by."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def entering(self, index: int) -> str:
        return self.pieces.entering[index]

    def add(self, name: str) -> None:
        """A piece around the blocks, where there is one of that name."""
        model = self.pieces.models.get(name)
        if model is not None:
            own = [each.name for each in (*model.graph.input, *model.graph.output)]
            self.put(model, f"{name}.", dict(zip(own, own, strict=True)))

    def put(self, model: Any | None, prefix: str, renamed: dict[str, str]) -> None:
        nodes, constants = _inside(model, prefix, renamed)
        self.nodes += nodes
        self.constants += constants

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        onnx = onnx_library()

        self.nodes.append(onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def held(self, name: str, value: np.ndarray) -> str:
        self.constants.append(constant(name, value))
        return name

    def decided(self, index: int) -> str:
        """[1]: the option of a block from its own logits."""
        bias = self.held(f"bias.{index}", self.pieces.bias[index][None])
        biased = self.node("Add", [f"logits.{index}", bias], f"biased.{index}")
        return self.node("ArgMax", [biased], f"chosen.{index}", axis=1, keepdims=0)

    def planned(self, index: int) -> str:
        """[1]: the option of a block from the logits of all."""
        if index == 0:
            biased = self.node("Add", [PLAN, self.held("bias", self.pieces.bias[None])], "biased")
            self.node("ArgMax", [biased], "planned", axis=2, keepdims=0)
        place = self.held(f"place.{index}", np.array(index))
        return self.node("Gather", ["planned", place], f"chosen.{index}", axis=1)

    def branch(self, index: int, chosen: str) -> None:
        """The block under the option that was chosen; the last option is what runs if no other does."""
        names = self.pieces.options.names
        open_ = [option for option in range(len(names)) if np.isfinite(self.pieces.bias[index, option])]
        graph = self._branch(index, open_[-1])
        for option in reversed(open_[:-1]):
            asked = f"is.{index}.{option}"
            equal = _made("Equal", [chosen, self.held(f"{asked}.option", np.array([option]))], asked)
            found = f"leave.{index}" if option == open_[0] else f"choice.{index}.{option}"
            either = _made("If", [asked], found, then_branch=self._branch(index, option), else_branch=graph)
            if option == open_[0]:
                self.nodes += [equal, either]
            else:
                graph = self._graph(index, [equal, either], [], found)
        if len(open_) == 1:
            self.put(
                self.pieces.block(index, open_[0]), f"block.{index}.", {X: self.entering(index), Y: f"leave.{index}"}
            )

    def _branch(self, index: int, option: int) -> Any:
        result = f"result.{index}.{option}"
        renamed = {X: self.entering(index), Y: result}
        nodes, constants = _inside(self.pieces.block(index, option), f"block.{index}.{option}.", renamed)
        return self._graph(index, nodes, constants, result)

    def _graph(self, index: int, nodes: list[Any], constants: list[Any], output: str) -> Any:
        """A branch that gives what leaves block `index`."""
        onnx = onnx_library()

        result = _called(output, self.pieces.models[f"block.{index}.{FULL}"].graph.output[0])
        return onnx.helper.make_graph(nodes, output, [], [result], constants)

    def model(self, outputs: list[str], batch: int | None) -> Any:
        onnx = onnx_library()

        size = "batch" if batch is None else batch
        given = onnx.helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, [size, *self.pieces.input_shape])
        known = {
            OUTPUT: _called(OUTPUT, self.pieces.models["head"].graph.output[0]),
            ROUTES: onnx.helper.make_tensor_value_info(ROUTES, onnx.TensorProto.INT64, [1, len(self.pieces.blocks)]),
        }
        written = [known[name] for name in outputs]
        graph = onnx.helper.make_graph(self.nodes, "network", [given], written, self.constants)
        return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _inside(model: Any | None, prefix: str, renamed: dict[str, str]) -> tuple[list[Any], list[Any]]:
    """Nodes and constants of a block; where nothing runs, its input is its output."""
    return ([_made("Identity", [renamed[X]], renamed[Y])], []) if model is None else inlined(model, prefix, renamed)


def _made(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    onnx = onnx_library()

    return onnx.helper.make_node(kind, inputs, [output], name=output, **attributes)


def _called(name: str, value: Any) -> Any:
    """The type and shape of a value, under another name."""
    onnx = onnx_library()

    copied = onnx.ValueInfoProto()
    copied.CopyFrom(value)
    copied.name = name
    return copied
