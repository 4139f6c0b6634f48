"""A layer as Timeloop's v0.4 problem."""

from typing import Any

from netchip.errors import RequestError
from netchip.export.timeloop_grammar import DIMENSIONS, VERSION
from netchip.export.yaml_text import as_yaml
from netchip.workload.encoding import DenseWeights
from netchip.workload.layer import Layer


def timeloop_problem(layer: Layer) -> str:
    """The text of a problem file: the layer's loops with groups as a dimension of their own, strides and dilations.

    Timeloop counts padding as inputs, and runs the layer on every frame. Raises `RequestError` for a layer that it cannot state:
    transposed, a product of two activations, run by a share of the inputs, or with weights that are not dense.
    """
    _check(layer)
    shape = layer.shape
    instance = {DIMENSIONS[dim]: bound for dim, bound in shape.loop_bounds.items()}
    instance |= {"Wstride": shape.stride[1], "Hstride": shape.stride[0]}
    instance |= {"Wdilation": shape.dilation[1], "Hdilation": shape.dilation[0]}
    return as_yaml(
        {"problem": {"version": VERSION, "shape": _SHAPE, "instance": instance}}, note=f"layer: {layer.name}"
    )


def _check(layer: Layer) -> None:
    faults = {
        "transposed": layer.shape.transposed,
        "a product of two activations": layer.shape.kind != "conv",
        f"execution_rate = {layer.execution_rate}": layer.execution_rate != 1.0,
        f"weights of {type(layer.weights).__name__}": not isinstance(layer.weights, DenseWeights),
    }
    for name in (name for name, wrong in faults.items() if wrong):
        raise RequestError(
            f"{layer.name}: Timeloop's problem file has no word for {name}; leave the layer out, or make it a plain one"
        )


_SHAPE: dict[str, Any] = {
    "name": "CNN_Layer",
    "dimensions": list(DIMENSIONS.values()),
    "coefficients": [{"name": name, "default": 1} for name in ("Wstride", "Hstride", "Wdilation", "Hdilation")],
    "data_spaces": [
        {"name": "Weights", "projection": [[["G"]], [["C"]], [["M"]], [["R"]], [["S"]]]},
        {
            "name": "Inputs",
            "projection": [
                [["N"]],
                [["G"]],
                [["C"]],
                [["R", "Wdilation"], ["P", "Wstride"]],
                [["S", "Hdilation"], ["Q", "Hstride"]],
            ],
        },
        {"name": "Outputs", "projection": [[["N"]], [["G"]], [["M"]], [["Q"]], [["P"]]], "read_write": True},
    ],
}
