"""A network at 8 bits for other runtimes: ONNX with quantise and dequantise nodes (QDQ), and a program of torch.export.

In the ONNX file weights are int8, dequantised for each output channel; inputs go through QuantizeLinear to uint8 where
they are never negative, else to int8, both with zero point 0. Height, width and batch are free where torch can keep them so.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import GraphError, first_line
from netchip.graph.exporting import quiet
from netchip.graph.onnx_extra import onnx_library, session
from netchip.graph.to_onnx import to_onnx as graph_to_onnx
from netchip.graph.to_onnx import without_origins
from netchip.methods.autogan_distiller.eight_bit.layers import StoredConvolution, output_dimension
from netchip.methods.autogan_distiller.eight_bit.network import in_floats

_EXACT_SUMS = {"session.x64quantprecision": "1"}  # on CPUs without VNNI


def to_program(network: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    """`network` (from `to_store`) as torch.export's program for inputs of the example's size; it holds the int8 levels."""
    try:
        with torch.no_grad(), quiet():
            return torch.export.export(network.eval(), (example,))
    except Exception as error:  # torch.export has no base class of its errors
        raise GraphError(
            f"the network cannot be exported ({first_line(error)}); see that torch.export takes it"
        ) from error


def to_onnx(network: nn.Module, example: Tensor, path: str | Path) -> Path:
    """Writes `network` (from `to_store`) to `path` as QDQ. `example` is one input [B, C, H, W].

    Raises `MissingExtra` without onnx or onnxscript, `GraphError` where torch cannot export the network.
    """
    model = _exported(in_floats(network), example)
    onnx = onnx_library()
    layers = {name: each for name, each in network.named_modules() if isinstance(each, StoredConvolution)}
    _quantise(onnx, model.graph, layers)
    without_origins(model)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return Path(path)


def to_float_onnx(network: nn.Module, example: Tensor, path: str | Path) -> Path:
    """Writes a network in floats to `path`, for a comparison with `to_onnx`; raises as that does."""
    model = _exported(network.eval(), example)
    without_origins(model)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    onnx_library().save(model, str(path))
    return Path(path)


def run_onnx(path: str | Path, images: Tensor) -> Tensor:
    """What ONNX Runtime makes of `images` with the file, on one thread of the CPU. Raises `MissingExtra` without it."""
    made = onnx_session(path)
    return torch.from_numpy(made.run(None, {made.get_inputs()[0].name: images.numpy()})[0])


def onnx_session(path: str | Path, *, optimized: Path | None = None) -> Any:
    """A session of ONNX Runtime on one thread of the CPU; `optimized` is where it writes the graph that it really runs.

    Raises `MissingExtra` without it.
    """
    return session(Path(path), settings=_EXACT_SUMS, optimized=optimized)


def _exported(network: nn.Module, example: Tensor) -> Any:
    free = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    two = example.repeat(2, 1, 1, 1)[:2]  # a size of 1 would be kept as it is
    return graph_to_onnx(network, (two,), inputs=["images"], outputs=["pictures"], free=(free,))


def _quantise(onnx: Any, graph: Any, layers: dict[str, StoredConvolution]) -> None:
    """Puts the nodes around each convolution, found by the name of its weight, and int8 weights in place of floats."""
    nodes: list[Any] = []
    done: set[str] = set()
    for node in graph.node:
        name = node.input[1].removesuffix(".weight") if node.op_type in ("Conv", "ConvTranspose") else ""
        if name in layers:
            nodes += _input_nodes(onnx, graph, node, name, layers[name])
            nodes += [] if name in done else _weight_nodes(onnx, graph, name, layers[name])
            node.input[1] = f"{name}.weight.value"
            done.add(name)
        nodes.append(node)
    missing = sorted(set(layers) - done)
    if missing:
        raise GraphError(
            f"the ONNX graph has no convolution with the weight of {missing[0]!r}; export the float network"
        )
    del graph.node[:]
    graph.node.extend(nodes)
    left = [each for each in graph.initializer if each.name.removesuffix(".weight") not in layers]
    del graph.initializer[:]
    graph.initializer.extend(left)


def _input_nodes(onnx: Any, graph: Any, node: Any, name: str, layer: StoredConvolution) -> list[Any]:
    lowest, highest = layer.inputs.levels
    kind = np.int8 if lowest < 0 else np.uint8
    step = layer.inputs.step.detach().abs().clamp_min(torch.finfo(torch.float32).tiny).numpy().reshape(())
    prefix, made = f"{name}.input", []
    read = node.input[0]
    scale, zero = _held(onnx, graph, f"{prefix}.step", step), _held(onnx, graph, f"{prefix}.zero", kind(0))
    if lowest < 0:  # the grid has no level -128
        bounds = [
            _held(onnx, graph, f"{prefix}.{end}", np.float32(level * step))
            for end, level in (("lowest", lowest), ("highest", highest))
        ]
        made.append(onnx.helper.make_node("Clip", [read, *bounds], [f"{prefix}.clipped"]))
        read = f"{prefix}.clipped"
    made.append(onnx.helper.make_node("QuantizeLinear", [read, scale, zero], [f"{prefix}.levels"]))
    made.append(onnx.helper.make_node("DequantizeLinear", [f"{prefix}.levels", scale, zero], [f"{prefix}.value"]))
    node.input[0] = f"{prefix}.value"
    return made


def _weight_nodes(onnx: Any, graph: Any, name: str, layer: StoredConvolution) -> list[Any]:
    levels = _held(onnx, graph, f"{name}.weight.levels", layer.levels.numpy())
    scale = _held(onnx, graph, f"{name}.weight.scale", layer.scale.flatten().numpy())
    zero = _held(onnx, graph, f"{name}.weight.zero", np.zeros(layer.scale.numel(), np.int8))
    inputs, output = [levels, scale, zero], [f"{name}.weight.value"]
    return [onnx.helper.make_node("DequantizeLinear", inputs, output, axis=output_dimension(layer.convolution))]


def _held(onnx: Any, graph: Any, name: str, value: Any) -> str:
    if not any(each.name == name for each in graph.initializer):
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
    return name
