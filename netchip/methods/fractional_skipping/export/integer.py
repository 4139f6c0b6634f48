"""A block under an option of at most 8 bits on integer kernels: quantise and dequantise around each convolution (QDQ).

BatchNorms are folded into the scale of each output channel and into an integer bias, so that the weights in the file are
the levels that training found. Where a convolution's result goes straight through a ReLU into the next one's grid, it is
rounded there as in training; elsewhere (before the residual sum) its result is put on a grid of 8 bits that is measured on
the given features, which training did not have: a rounding of at most half a step. Levels of fewer than 8 bits run in 8.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from netchip.graph.onnx_extra import onnx_library
from netchip.methods.fractional_skipping.blocks.quantised import LearnedInput, QuantisedLayer
from netchip.methods.fractional_skipping.export.block_structure import BlockStructure, readers, rewire, scalar
from netchip.methods.fractional_skipping.export.onnx_graph import Value, constant
from netchip.methods.fractional_skipping.export.simulated import InputGrid, grid_of
from netchip.nn.learned_step import LearnedStep

Measure = Callable[[Sequence[Value]], list[np.ndarray]]
"""The values of a block's float form on the given features."""


def runs_on_integers(form: nn.Module) -> bool:
    """Whether all quantised layers of `form` are convolutions on learned grids of at most 8 bits."""
    layers = [each for each in form.modules() if isinstance(each, QuantisedLayer)]
    return bool(layers) and all(_is_integer(each) for each in layers)


def _is_integer(quantised: QuantisedLayer) -> bool:
    layer, inputs, steps = quantised._held
    return (
        isinstance(layer, (nn.Conv1d, nn.Conv2d))
        and layer.padding_mode == "zeros"
        and isinstance(inputs, LearnedInput)
        and inputs.step.bits <= 8
        and steps is not None
        and quantised.weight_bits <= 8
    )


@torch.no_grad()
def integer_graph(structure: BlockStructure, form: nn.Module, measure: Measure) -> Any:
    """The QDQ graph of `form`, for which `runs_on_integers`; `measure` gives results of the float form."""
    rewriting = _Rewriting(structure, structure.nodes, structure.constants(form))
    layers = {name: each for name, each in form.named_modules() if isinstance(each, QuantisedLayer)}
    products = [
        (name, layer, node) for name, layer in layers.items() for node in structure.layer_nodes(rewriting.nodes, name)
    ]
    ends = [rewriting.fold(f"{name}.{place}.", layer, node) for place, (name, layer, node) in enumerate(products)]
    rewriting.nodes = structure.needed(rewriting.nodes)  # without what made biases of zeros, which also read the inputs
    inputs = [node for _, _, node in products]
    loose = [end for end in ends if not rewriting.enters_a_grid(end, inputs)]
    measured = measure([Value(end, torch.float32, ()) for end in loose]) if loose else []
    for place, (name, layer, node) in enumerate(products):
        rewriting.put_input_on_grid(f"{name}.{place}.", node, grid_of(layer))
    for end, values in zip(loose, measured, strict=True):
        rewriting.put_result_on_grid(end, float(values.min()), float(values.max()))
    return structure.model_of(rewriting.nodes, rewriting.constants)


@dataclass(eq=False)
class _Rewriting:
    structure: BlockStructure
    nodes: list[Any]
    constants: dict[str, Any]

    def fold(self, prefix: str, quantised: QuantisedLayer, node: Any) -> str:
        """Gives a convolution integer weights and bias, the BatchNorm after it inside; returns its result's name, after a ReLU."""
        layer = cast("nn.Conv2d", quantised.layer)
        scale, shift = torch.ones(layer.out_channels), torch.zeros(layer.out_channels)
        follower = self._only_reader(node.output[0])
        if follower is not None and follower.op_type == "BatchNormalization":
            scale, shift = self._normalisation(follower)
            self.nodes.remove(follower)
            node.output[0] = follower.output[0]
        if layer.bias is not None:
            shift = shift + scale * layer.bias
        steps = cast("LearnedStep", quantised._held[2])
        self._hold_weights(prefix, node, steps, layer.weight, grid_of(quantised).step, scale, shift)
        after = self._only_reader(node.output[0])
        return after.output[0] if after is not None and after.op_type == "Relu" else node.output[0]

    def enters_a_grid(self, end: str, products: Sequence[Any]) -> bool:
        """Whether a value is read by one convolution on a grid and by nothing else."""
        reader = self._only_reader(end)
        return reader is not None and any(reader is node for node in products) and reader.input[0] == end

    def put_input_on_grid(self, prefix: str, node: Any, grid: InputGrid) -> None:
        """Quantise and dequantise before a convolution."""
        zero = 0 if grid.lowest >= 0 else 128
        clip = (grid.lowest + zero, grid.highest + zero)
        node.input[0] = self._on_grid(
            f"{prefix}input.", node.input[0], grid.step, zero, None if clip == (0, 255) else clip
        )

    def put_result_on_grid(self, end: str, lowest: float, highest: float) -> None:
        """Quantise and dequantise a result, on the 256 levels from its lowest to its highest value, with zero among them."""
        low, high = min(lowest, 0.0), max(highest, 0.0)
        step = (high - low) / 255 or 1.0
        others = readers(self.nodes, end)
        rewire(others, end, self._on_grid(f"{end}.", end, step, round(-low / step), None))
        if end == self.structure.leaving.name:  # the block ends with this product
            self._swap_last(end)

    def _swap_last(self, end: str) -> None:
        maker = next(node for node in self.nodes if end in node.output)
        maker.output[0] = f"{end}.before"
        rewire(self.nodes, end, f"{end}.before")
        self.nodes[-1].output[0] = end

    def _on_grid(self, prefix: str, x: str, step: float, zero: int, clip: tuple[int, int] | None) -> str:
        scale, point = self._hold(f"{prefix}scale", scalar(step)), self._hold(f"{prefix}zero", np.uint8(zero))
        levels = self._add("QuantizeLinear", [x, scale, point], f"{prefix}levels")
        if clip is not None:
            bounds = [
                self._hold(f"{prefix}{name}", np.uint8(each))
                for name, each in zip(("least", "most"), clip, strict=True)
            ]
            levels = self._add("Clip", [levels, *bounds], f"{prefix}clipped")
        return self._add("DequantizeLinear", [levels, scale, point], f"{prefix}value")

    def _hold_weights(
        self,
        prefix: str,
        node: Any,
        steps: LearnedStep,
        weight: Tensor,
        input_step: float,
        scale: Tensor,
        shift: Tensor,
    ) -> None:
        shape = (-1, *(1 for _ in range(weight.ndim - 1)))
        step = steps.step.detach().abs().clamp_min(torch.finfo(torch.float32).tiny)
        finer = 127 // steps.levels[1]  # levels of few bits are spread over 8, for the bias counts in their step
        levels = (weight / step.view(shape)).round().clamp(*steps.levels) * scale.sign().view(shape) * finer
        folded = step * scale.abs() / finer
        least = (shift.abs() / (input_step * 2**30)).clamp_min(1e-12)  # so that the bias fits 32 bits
        levels = torch.where(
            folded.view(shape) < least.view(shape), levels * (folded / least).view(shape), levels
        ).round()
        folded = torch.maximum(folded, least)
        bias = (shift.double() / (folded.double() * input_step)).round()
        channels = len(folded)
        held = [
            (levels.numpy().astype(np.int8), folded.numpy(), np.zeros(channels, np.int8)),
            (bias.numpy().astype(np.int32), (folded * input_step).numpy(), np.zeros(channels, np.int32)),
        ]
        names: list[str] = []
        for name, arrays in zip(("weight", "bias"), held, strict=True):
            parts = [
                self._hold(f"{prefix}{name}.{part}", each)
                for part, each in zip(("levels", "scale", "zero"), arrays, strict=True)
            ]
            names.append(self._add("DequantizeLinear", parts, f"{prefix}{name}.value", axis=0))
        node.input[:] = [node.input[0], *names]

    def _normalisation(self, node: Any) -> tuple[Tensor, Tensor]:
        onnx = onnx_library()

        gamma, beta, mean, variance = (
            torch.from_numpy(onnx.numpy_helper.to_array(self.constants[name]).copy()) for name in node.input[1:5]
        )
        epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
        scale = gamma / (variance + epsilon).sqrt()
        return scale, beta - mean * scale

    def _only_reader(self, name: str) -> Any | None:
        found = readers(self.nodes, name)
        return found[0] if len(found) == 1 and name != self.structure.leaving.name else None

    def _hold(self, name: str, value: Any) -> str:
        self.constants[name] = constant(name, np.asarray(value))
        return name

    def _add(self, kind: str, inputs: list[str], result: str, **attributes: Any) -> str:
        onnx = onnx_library()

        self.nodes.append(onnx.helper.make_node(kind, inputs, [result], name=result, **attributes))
        return result
