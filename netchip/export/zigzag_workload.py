"""A `Workload` as ZigZag's workload YAML."""

from typing import Any

from netchip.errors import RequestError
from netchip.export.yaml_text import as_yaml
from netchip.workload.encoding import DenseWeights, Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload

_EQUATION = "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]"
_OPERATORS = {"conv": "Conv", "matmul": "Gemm"}


def zigzag_workload(workload: Workload) -> str:
    """The text of a ZigZag 3.x workload file: one entry a layer, its loops B G K C OY OX FY FX in this order.

    Padding and the input's own size are stated, so that ZigZag counts no padded element. ZigZag knows one layer before each
    operand: the last one that feeds it. Operations that the workload does not count are named in a comment.

    Raises `RequestError` for a layer whose counts ZigZag cannot state: transposed, run by a share of the inputs, or with
    weights that are not dense.
    """
    for layer in workload.layers:
        _check(layer)
    ids = {layer.name: index for index, layer in enumerate(workload.layers)}
    sources = {end: ids[start] for start, end in workload.edges}
    entries = [_entry(layer, ids[layer.name], _source(layer, ids, sources)) for layer in workload.layers]
    note = "".join(f"not counted: {name}\n" for name in workload.uncounted)
    return as_yaml(entries, note=note)


def only_precision(workload: Workload) -> Precision:
    """The precision of all layers; raises `RequestError` where there are several, since ZigZag prices a MAC at one."""
    widths = {layer.precision for layer in workload.layers}
    if len(widths) != 1:
        raise RequestError(
            f"the layers have {len(widths)} precisions, and ZigZag's accelerator file prices a MAC at one; export them apart"
        )
    return next(iter(widths))


def _check(layer: Layer) -> None:
    faults = {
        "transposed": layer.shape.transposed,
        f"execution_rate = {layer.execution_rate}": layer.execution_rate != 1.0,
        f"weights of {type(layer.weights).__name__}": layer.holds_weights
        and not isinstance(layer.weights, DenseWeights),
    }
    for name in (name for name, wrong in faults.items() if wrong):
        raise RequestError(
            f"{layer.name}: ZigZag's workload file has no word for {name}; leave the layer out, or make it a plain one"
        )


def _source(layer: Layer, ids: dict[str, int], sources: dict[str, int]) -> int:
    """The layer that feeds it; its own number where none does, or where the edge goes back to a later one."""
    found = sources.get(layer.name, ids[layer.name])
    return found if found < ids[layer.name] else ids[layer.name]


def _entry(layer: Layer, number: int, source: int) -> dict[str, Any]:
    shape, precision = layer.shape, layer.precision
    stride, dilation, padding = shape.stride, shape.dilation, shape.padding
    return {
        "id": number,
        "name": layer.name,
        "operator_type": _OPERATORS[shape.kind],
        "equation": _EQUATION,
        "dimension_relations": [f"ix={stride[1]}*ox+{dilation[1]}*fx", f"iy={stride[0]}*oy+{dilation[0]}*fy"],
        "loop_dims": list(shape.loop_bounds),
        "loop_sizes": list(shape.loop_bounds.values()),
        "pr_loop_dims": ["IX", "IY"],
        "pr_loop_sizes": [shape.in_width, shape.in_height],
        "padding": [[padding[1], padding[1]], [padding[0], padding[0]]],
        "operand_precision": {
            "W": precision.weight_bits,
            "I": precision.input_bits,
            "O": precision.accumulator_bits,
            "O_final": precision.output_bits,
        },
        "operand_source": {"W": number if layer.holds_weights else source, "I": source},
    }
