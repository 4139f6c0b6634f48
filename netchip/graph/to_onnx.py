"""A torch module as an ONNX model, whose constants keep the names of the module's parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from netchip.errors import GraphError, first_line
from netchip.graph.exporting import quiet, unfused_attention
from netchip.graph.onnx_extra import require_onnx_exporter

OPSET = 20
"""What ONNX Runtime 1.17 and later read."""


def to_onnx(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    free: Any = None,
    optimised: bool = True,
) -> Any:
    """The onnx.ModelProto of `model` in evaluation on `args` and `kwargs`; `inputs` and `outputs` name its own.

    `free` says which sizes may change, in the form of torch.export's `dynamic_shapes`; without it all are fixed.

    Raises `MissingExtra` without onnx or onnxscript, `GraphError` where torch cannot export the model.
    """
    require_onnx_exporter()
    try:
        with torch.no_grad(), quiet(), unfused_attention():
            program = torch.onnx.export(
                model.eval(),
                args,
                kwargs=dict(kwargs or {}),
                dynamo=True,
                verbose=False,
                optimize=optimised,
                opset_version=OPSET,
                input_names=None if inputs is None else list(inputs),
                output_names=None if outputs is None else list(outputs),
                dynamic_shapes=free,
            )
    except Exception as error:  # torch.export has no base class of its errors
        raise GraphError(
            f"the network cannot be exported to ONNX ({first_line(error)}); see that torch.export takes it"
        ) from error
    return program.model_proto  # pyright: ignore[reportOptionalMemberAccess]


def without_origins(model: Any) -> None:
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
