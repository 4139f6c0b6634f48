"""A block under an option of few bits in floats: quantised weights, and the rounding of inputs as float operations.

Right for every arithmetic and every number of bits; it saves no time, so what it takes is no measure of few bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import nn

from netchip.errors import ConfigError
from netchip.graph.onnx_extra import onnx_library
from netchip.methods.fractional_skipping.blocks.quantised import LearnedInput, MinMaxInput, QuantisedLayer
from netchip.methods.fractional_skipping.export.block_structure import BlockStructure, scalar
from netchip.methods.fractional_skipping.export.onnx_graph import Value, constant


def simulated_graph(structure: BlockStructure, form: nn.Module, shown: Sequence[Value] = ()) -> Any:
    """The graph of `form`, a twin of the block; with the values `shown` as outputs too.

    Raises `ConfigError` where inputs are rounded at random.
    """
    nodes, constants = structure.nodes, structure.constants(form)
    for name, layer in form.named_modules():
        if isinstance(layer, QuantisedLayer):
            for place, node in enumerate(structure.layer_nodes(nodes, name)):
                _quantise(node, f"{name}.{place}.", grid_of(layer), nodes, constants)
    return structure.model_of(nodes, constants, shown)


@dataclass(frozen=True)
class InputGrid:
    """value = level * step + low, with levels from `lowest` to `highest`."""

    step: float
    low: float
    lowest: int
    highest: int


def grid_of(layer: QuantisedLayer) -> InputGrid:
    """The grid of a layer's inputs in evaluation."""
    inputs = layer.input_quantiser
    if isinstance(inputs, LearnedInput):
        if not inputs.step.ready:
            raise ConfigError(
                "the step of an activation was never set; train or calibrate the network before it is exported"
            )
        step = float(inputs.step.step.detach().abs())
        return InputGrid(step, 0.0, *inputs.step.levels)
    bounds = cast("MinMaxInput", inputs)
    if bounds.stochastic:
        raise ConfigError(
            "paper_legacy rounds inputs at random in evaluation, so no exported network equals it; "
            "make the network in the mode paper or modern"
        )
    low, high = (float(each) for each in bounds.running.kept())
    levels = 2**bounds.bits - 1
    return InputGrid(max((high - low) / levels, 1e-8), low, 0, levels)


def _quantise(node: Any, prefix: str, grid: InputGrid, nodes: list[Any], constants: dict[str, Any]) -> None:
    """Lets `node` read its input from the grid."""
    onnx = onnx_library()

    def held(name: str, value: float) -> str:
        constants[f"{prefix}{name}"] = constant(f"{prefix}{name}", scalar(value))
        return f"{prefix}{name}"

    def add(kind: str, *inputs: str) -> str:
        result = f"{prefix}{kind}.{len(nodes)}"
        nodes.append(onnx.helper.make_node(kind, list(inputs), [result], name=result))
        return result

    step = held("step", grid.step)
    x = node.input[0]
    moved = add("Sub", x, held("low", grid.low)) if grid.low else x
    levels = add("Round", add("Div", moved, step))
    value = add("Mul", add("Clip", levels, held("lowest", grid.lowest), held("highest", grid.highest)), step)
    node.input[0] = add("Add", value, held("low", grid.low)) if grid.low else value
