"""A network at 8 bits for other runtimes: ONNX with quantise and dequantise nodes (QDQ), and a program of torch.export.

In the ONNX file weights are int8, dequantised for each output channel; inputs go through QuantizeLinear to uint8 where
they are never negative, else to int8, both with zero point 0. Height, width and batch are free where torch can keep them so.
"""

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import GraphError, MissingExtra, first_line
from netchip.methods.autogan_distiller.eight_bit.layers import StoredConvolution, output_dimension
from netchip.methods.autogan_distiller.eight_bit.network import in_floats

OPSET = 20


def to_program(network: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    """`network` (from `to_store`) as torch.export's program for inputs of the example's size; it holds the int8 levels."""
    try:
        with torch.no_grad(), _silence():
            return torch.export.export(network.eval(), (example,))
    except Exception as error:  # torch.export has no base class of its errors
        raise GraphError(
            f"the network cannot be exported ({first_line(error)}); see that torch.export takes it"
        ) from error


def to_onnx(network: nn.Module, example: Tensor, path: str | Path) -> Path:
    """Writes `network` (from `to_store`) to `path` as QDQ. `example` is one input [B, C, H, W].

    Raises `MissingExtra` without onnx or onnxscript, `GraphError` where torch cannot export the network.
    """
    onnx = import_onnx()
    model = _exported(in_floats(network), example)
    layers = {name: each for name, each in network.named_modules() if isinstance(each, StoredConvolution)}
    _quantise(onnx, model.graph, layers)
    _strip(model)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return Path(path)


def to_float_onnx(network: nn.Module, example: Tensor, path: str | Path) -> Path:
    """Writes a network in floats to `path`, for a comparison with `to_onnx`; raises as that does."""
    onnx = import_onnx()
    model = _exported(network.eval(), example)
    _strip(model)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return Path(path)


def run_onnx(path: str | Path, images: Tensor) -> Tensor:
    """What ONNX Runtime makes of `images` with the file, on one thread of the CPU. Raises `MissingExtra` without it."""
    session = onnx_session(path)
    return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: images.numpy()})[0])


def onnx_session(path: str | Path, *, optimized: Path | None = None) -> Any:
    """A session of ONNX Runtime on one thread of the CPU; `optimized` is where it writes the graph that it really runs.

    Raises `MissingExtra` without it.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra("onnxruntime", "export", "running an ONNX file") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # it warns that an optimised graph is for this machine alone
    options.add_session_config_entry("session.x64quantprecision", "1")  # exact sums on CPUs without VNNI
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def import_onnx() -> Any:
    """The module onnx with its parts; raises `MissingExtra` without onnx or onnxscript."""
    try:
        for part in ("onnxscript", "onnx.checker", "onnx.numpy_helper", "onnx.helper"):
            importlib.import_module(part)
        return importlib.import_module("onnx")
    except ImportError as error:
        raise MissingExtra("onnx and onnxscript", "export", "writing an ONNX file") from error


def _exported(network: nn.Module, example: Tensor) -> Any:
    free = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    two = example.repeat(2, 1, 1, 1)[:2]  # a size of 1 would be kept as it is
    try:
        with torch.no_grad(), _silence():
            program = torch.onnx.export(
                network,
                (two,),
                dynamo=True,
                verbose=False,
                optimize=True,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["pictures"],
                dynamic_shapes=(free,),
            )
    except Exception as error:  # torch.export has no base class of its errors
        raise GraphError(
            f"the network cannot be exported to ONNX ({first_line(error)}); see that torch.export takes it"
        ) from error
    return program.model_proto  # pyright: ignore[reportOptionalMemberAccess]


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


def _strip(model: Any) -> None:
    """Takes out where in the Python source each node comes from, which is more than half of a small file."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for each in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        each.doc_string = ""
        del each.metadata_props[:]
    kept = {name for node in model.graph.node for name in (*node.input, *node.output)}
    known = [each for each in model.graph.value_info if each.name in kept]
    del model.graph.value_info[:]
    model.graph.value_info.extend(known)


def _held(onnx: Any, graph: Any, name: str, value: Any) -> str:
    if not any(each.name == name for each in graph.initializer):
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
    return name


@contextmanager
def _silence() -> Iterator[None]:
    """The exporters warn and log of what cannot harm."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
