"""A `Workload` as SCALE-Sim's topology CSV, read again by netchip before it is written.

SCALE-Sim knows one input at a time, sizes that include padding, and no groups but depthwise ones; the product of each group
is then a line of its own ("conv#g3"), since SCALE-Sim runs line after line.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from netchip.errors import RequestError, RunError
from netchip.export.checked_text import CheckedText, layers_of
from netchip.export.scalesim_topology import CONV, DEPTHWISE, read_scalesim_topology
from netchip.files import write_atomic
from netchip.workload.encoding import DenseWeights
from netchip.workload.layer import Layer
from netchip.workload.network import Workload

_STRIDES = ("Stride Height", "Stride Width")
_LEFT_OUT = ("edges", "bits", "which input positions are padding")


def scalesim_topology(workload: Workload) -> str:
    """The text of a SCALE-Sim topology of convolutions, one line a layer or group of one; products of matrices are 1x1 ones.

    Raises `RequestError` for a layer whose counts SCALE-Sim cannot state: several inputs at once, dilated, transposed, run by a
    share of the inputs, or with weights that are not dense.
    """
    for layer in workload.layers:
        _check(layer)
    unequal = any(layer.shape.stride[0] != layer.shape.stride[1] for layer in workload.layers)
    head = (*CONV[:-1], *_STRIDES) if unequal else CONV
    lines = [("Layer name", *head)]
    for layer in workload.layers:
        for name, cells in _lines(layer):
            strides = layer.shape.stride if unequal else layer.shape.stride[:1]
            lines.append((name, *map(str, (*cells, *strides))))
    return "".join(", ".join(line) + ",\n" for line in lines)


def write_scalesim(workload: Workload, path: Path | str) -> CheckedText:
    """Writes the topology; raises `RequestError` as `scalesim_topology` does, `RunError` where it does not read back the same."""
    text = scalesim_topology(workload)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "network.csv"
        write_atomic(kept, text)
        found = read_scalesim_topology(kept)
    if [each.macs for each in found.layers] != list(_macs(workload)):
        raise RunError(f"{path}: the layers do not read back with their MACs; nothing was written")
    write_atomic(Path(path), text)
    left = (*_LEFT_OUT, *workload.uncounted)
    return CheckedText(file=str(path), holds=layers_of(found), left_out=left)


def _check(layer: Layer) -> None:
    shape = layer.shape
    faults = {
        f"a batch of {shape.batch}": shape.batch != 1,
        "transposed": shape.transposed,
        "dilated": shape.dilation != (1, 1),
        f"execution_rate = {layer.execution_rate}": layer.execution_rate != 1.0,
        f"weights of {type(layer.weights).__name__}": layer.holds_weights
        and not isinstance(layer.weights, DenseWeights),
    }
    for name in (name for name, wrong in faults.items() if wrong):
        raise RequestError(
            f"{layer.name}: SCALE-Sim's topology has no word for {name}; give one input at a time, and plain layers"
        )


def _lines(layer: Layer) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name and the sizes of each line of a layer, strides left out."""
    shape = layer.shape
    reached = (
        (shape.out_height - 1) * shape.stride[0] + shape.kernel_height,
        (shape.out_width - 1) * shape.stride[1] + shape.kernel_width,
    )
    window = (*reached, shape.kernel_height, shape.kernel_width)
    name = layer.name.replace(",", ";")
    if _is_depthwise(layer):
        yield (name if DEPTHWISE in name else f"{name}_{DEPTHWISE}"), (*window, shape.groups, shape.out_channels)
        return
    name = name.replace(DEPTHWISE, "D_P")
    for group in range(shape.groups):
        line = name if shape.groups == 1 else f"{name}#g{group}"
        yield line, (*window, shape.in_channels, shape.out_channels)


def _is_depthwise(layer: Layer) -> bool:
    return layer.shape.groups > 1 and layer.shape.in_channels == 1 and layer.shape.kind == "conv"


def _macs(workload: Workload) -> Iterator[float]:
    for layer in workload.layers:
        lines = 1 if _is_depthwise(layer) else layer.shape.groups
        yield from (layer.macs / lines for _ in range(lines))
