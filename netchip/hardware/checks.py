"""Whether mappings, layers and accelerator belong together; each fault is told with its mend. Not part of the hot path."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator, LayerKind
from netchip.hardware.arrays import on_host
from netchip.hardware.dimensions import DIMS, OPERANDS
from netchip.hardware.even_batch import EvenBatch
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer

_SLACK = 1e-6
_WORDS = {"W": "weight", "I": "input", "O": "output"}


def check_layers(layers: Sequence[Layer], accelerator: Accelerator) -> None:
    """Raises `RequestError` where there is no layer, the accelerator cannot run one, or a memory cannot hold one element."""
    if not layers:
        raise RequestError("no layer was given; give at least one")
    for layer in layers:
        kind = kind_of(layer)
        if kind not in accelerator.kinds:
            raise RequestError(
                f"{layer.name} is a {kind} layer, and {accelerator.name} runs {', '.join(accelerator.kinds)}; "
                "choose another accelerator or leave the layer out"
            )
        _check_elements(layer, accelerator)
        _check_actions(layer, accelerator)


def kind_of(layer: Layer) -> LayerKind:
    """The kind of a layer, as accelerators name those they run."""
    if layer.shape.kind == "matmul":
        return "matmul"
    return "transposed" if layer.shape.transposed else "conv"


def _check_elements(layer: Layer, accelerator: Accelerator) -> None:
    precision = layer.precision
    widths = {"W": precision.weight_bits, "I": precision.input_bits, "O": precision.output_bits}
    for memory in accelerator.memories:
        for operand in memory.operands:
            bits = memory.element_bits(widths[operand]) * (2 if memory.double_buffered else 1)
            if memory.bits is not None and memory.bits < bits:
                twice = " twice, as it is double buffered" if memory.double_buffered else ""
                raise RequestError(
                    f"{layer.name}: {memory.name!r} holds {memory.bits} bits, less than one {_WORDS[operand]} of "
                    f"{memory.element_bits(widths[operand])} bits{twice}; raise its bits or lower the precision"
                )


def _check_actions(layer: Layer, accelerator: Accelerator) -> None:
    actions = layer.weights.rebuild_actions(layer.shape) if layer.holds_weights else {}
    for name in actions:
        if name not in accelerator.energy.actions:
            raise RequestError(
                f"{layer.name}: its weights are rebuilt by {name!r}, for which {accelerator.name} has no energy; add it to "
                "energy.actions, with its source"
            )


def check_mappings(layers: Sequence[Layer], accelerator: Accelerator, mappings: MappingBatch | EvenBatch) -> None:
    """Raises `RequestError` where a mapping is for no layer, not for this accelerator, or does not cover its layer exactly."""
    if isinstance(mappings, EvenBatch):
        _check_levels(accelerator, mappings)
    else:
        longest = max(len(accelerator.chain(operand)) for operand in OPERANDS)
        _check_count("cut", "memories an operand", mappings.cut.shape[1], longest, accelerator)
    _check_count("spatial", "array dimensions", mappings.spatial.shape[0], len(accelerator.array), accelerator)
    layer = on_host(mappings.layer)
    if layer.max() >= len(layers):
        raise RequestError(f"a mapping is for layer {layer.max()}, but only {len(layers)} were given, counted from 0")
    _check_units(accelerator, on_host(mappings.spatial))
    _check_factors(layers, np.broadcast_to(layer, (len(mappings),)), mappings)


def _check_count(name: str, what: str, found: int, wanted: int, accelerator: Accelerator) -> None:
    if found != wanted:
        raise RequestError(
            f"{name} has {found} {what}, but {accelerator.name} has {wanted}; make the mappings for this accelerator"
        )


def _check_levels(accelerator: Accelerator, mappings: EvenBatch) -> None:
    levels = mappings.levels
    _check_count("levels", "memories", len(levels), len(accelerator.memories), accelerator)
    for operand in OPERANDS:
        chain = accelerator.chain(operand)
        for lower, upper in pairwise(chain):
            if levels[upper] < levels[lower]:
                names = accelerator.memories[upper].name, accelerator.memories[lower].name
                raise RequestError(
                    f"levels puts {names[0]!r} below {names[1]!r}, which it fills; give it a level above"
                )
        if levels[chain[-1]] != max(levels):
            name = accelerator.memories[chain[-1]].name
            raise RequestError(
                f"levels puts {name!r}, where all of {operand} lies, at {levels[chain[-1]]}; give {max(levels)}"
            )
    place, runs = on_host(mappings.place), on_host(mappings.factor) > 1
    order = np.sort(np.where(runs, place, np.inf), axis=1)
    for index in np.argwhere((order[:, 1:] == order[:, :-1]) & np.isfinite(order[:, 1:]))[:1]:
        raise RequestError(
            f"place of mapping {index[-1]} has one number twice at level {index[0]}; give each loop its own"
        )


def _check_units(accelerator: Accelerator, spatial: np.ndarray) -> None:
    for (name, size), factors in zip(accelerator.array.items(), spatial, strict=True):
        used = factors.prod(0)
        for index in np.flatnonzero(used > size * (1 + _SLACK))[:1]:
            raise RequestError(
                f"mapping {index} unrolls {used[index]:g} along {name}, which has {size} units; unroll less, loop more"
            )


def _check_factors(layers: Sequence[Layer], layer: np.ndarray, mappings: MappingBatch | EvenBatch) -> None:
    spatial = on_host(mappings.spatial)
    for place, name in enumerate(DIMS):
        wanted = np.array([each.shape.loop_bounds[name] for each in layers], dtype=np.float64)[layer]
        factor = np.broadcast_to(on_host(mappings.temporal(place)) * spatial[:, place].prod(0), wanted.shape)
        for index in np.flatnonzero(np.abs(factor - wanted) > _SLACK * wanted)[:1]:
            raise RequestError(
                _fault(layers[int(layer[index])].name, int(index), name, float(factor[index]), float(wanted[index]))
            )


def _fault(layer: str, index: int, dim: str, factor: float, wanted: float) -> str:
    if factor == 1:
        return (
            f"{layer}: mapping {index} maps {dim} nowhere, but the layer has {wanted:g}; give {dim} a loop or unroll it"
        )
    return f"{layer}: the factors of {dim} in mapping {index} multiply to {factor:g}, not to {wanted:g}; change one of them"
