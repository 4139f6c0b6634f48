"""Mappings as ZigZag's mapping YAML: what is unrolled where, and, where wanted, the order of the loops."""

import math
from collections.abc import Mapping as Table
from typing import Any

from netchip.errors import RequestError
from netchip.export.yaml_text import as_yaml
from netchip.export.zigzag_grammar import MEMORY_OPERANDS
from netchip.export.zigzag_writing import array_names
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.dimensions import DIMS, Dim
from netchip.hardware.mapping import Mapping
from netchip.workload.layer import Layer
from netchip.workload.network import Workload

_Factors = dict[str, dict[Dim, float]]
_NEARLY = 1e-9
_NONE = "K, 1"


def zigzag_mapping(
    workload: Workload, accelerator: Accelerator, mappings: Table[str, Mapping], *, loop_order: bool = False
) -> str:
    """The text of a ZigZag 3.x mapping file: the unrolling of each layer in `mappings` (by layer name).

    A layer without one falls to the entry "default", which leaves the unrolling to ZigZag. ZigZag places loops in memories by
    itself, as low as they fit; with `loop_order` it does so for the order given here, else it searches one. It makes
    fractions itself: 13.75 rows on 14 units is written "OY, 14".

    Raises `RequestError` for a layer or array dimension that is not there, or an unrolling that ZigZag would change.
    """
    names, layers = array_names(accelerator), {layer.name: layer for layer in workload.layers}
    for name in mappings:
        if name not in layers:
            raise RequestError(f"no layer is called {name!r}; the workload has {', '.join(layers)}")
    entries: list[dict[str, Any]] = [{"name": "default", "memory_operand_links": dict(MEMORY_OPERANDS)}]
    for name, mapping in mappings.items():
        entries.append(_entry(layers[name], mapping, names, accelerator, loop_order))
    return as_yaml(entries)


def _entry(
    layer: Layer, mapping: Mapping, names: Table[str, str], accelerator: Accelerator, loop_order: bool
) -> dict[str, Any]:
    if layer.name == "default":
        raise RequestError("a layer called 'default' takes ZigZag's name for all others; give it another name")
    for dimension in mapping.spatial:
        if dimension not in names:
            raise RequestError(
                f"{layer.name}: the array of {accelerator.name} has no dimension {dimension!r}; it has {', '.join(names)}"
            )
    units = _whole(layer, {name: dict(mapping.spatial.get(name, {})) for name in names})
    entry: dict[str, Any] = {
        "name": layer.name,
        "spatial_mapping": {
            names[name]: [f"{dim}, {count}" for dim, count in row.items()] or [_NONE] for name, row in units.items()
        },
        "memory_operand_links": dict(MEMORY_OPERANDS),
    }
    order = [[loop.dim, loop.bound] for loop in mapping.loops if loop.bound > 1]
    return entry | ({"temporal_ordering": order} if loop_order and order else {})


def _whole(layer: Layer, factors: _Factors) -> dict[str, dict[Dim, int]]:
    """Whole units of which ZigZag makes `factors`."""
    units: dict[str, dict[Dim, int]] = {
        name: {dim: math.ceil(factor - _NEARLY) for dim, factor in row.items() if factor > 1}
        for name, row in factors.items()
    }
    for dim in DIMS:
        made = _as_zigzag_limits(
            {name: row[dim] for name, row in units.items() if dim in row}, layer.shape.loop_bounds[dim]
        )
        for name, factor in made.items():
            wanted = factors[name][dim]
            if not math.isclose(factor, wanted, rel_tol=_NEARLY):
                raise RequestError(
                    f"{layer.name}: {dim} {wanted:g} along {name} cannot be written: ZigZag takes whole units, and makes "
                    f"{factor:g} of {units[name][dim]}; unroll another factor"
                )
    return units


def _as_zigzag_limits(units: dict[str, int], bound: int) -> dict[str, float]:
    """The factors ZigZag makes of whole units, so that the steps in time are whole.

    It changes the first dimension of the array with the most of them (`SpatialMappingConversionStage`).
    """
    made: dict[str, float] = dict(units)
    if made:
        first = max(units, key=lambda name: units[name])
        before = math.prod(units[name] for name in list(units)[: list(units).index(first)])
        made[first] = bound / math.ceil(bound / (units[first] * before)) / before
    return made
