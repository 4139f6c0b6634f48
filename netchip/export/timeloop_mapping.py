"""A mapping as Timeloop's v0.4 mapping file."""

from typing import Any

from netchip.errors import RequestError
from netchip.export.timeloop_grammar import DATA_SPACES, DIMENSIONS, VERSION, spatial_target
from netchip.export.yaml_text import as_yaml
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.dimensions import DIMS
from netchip.hardware.mapping import Mapping
from netchip.workload.layer import Layer

_MESH_X = len(DIMS)
"""Every loop before this place in the order runs along a container's X."""


def timeloop_mapping(layer: Layer, accelerator: Accelerator, mapping: Mapping) -> str:
    """The text of a mapping file: for each memory its loops, inner to outer, for each dimension of the array its units.

    Raises `RequestError` for what Timeloop has no word for: loops that operands keep in different memories, a dimension twice at
    one memory with another between, or a fraction of units.
    """
    entries: list[dict[str, Any]] = []
    for memory in reversed(accelerator.memories):
        kept = [DATA_SPACES[operand] for operand in memory.operands]
        left = [name for name in DATA_SPACES.values() if name not in kept]
        entries.append({"target": memory.name, "type": "datatype", "keep": kept, "bypass": left})
        entries.append({"target": memory.name, "type": "temporal"} | _temporal(layer, mapping, memory.name))
    for dimension in accelerator.array:
        own: dict[str, float] = {**mapping.spatial.get(dimension, {})}
        entries.append(
            {"target": spatial_target(dimension), "type": "spatial", "split": _MESH_X} | _spatial(layer, dimension, own)
        )
    return as_yaml({"mapping": entries}, note=f"layer: {layer.name}, version {VERSION}")


def _temporal(layer: Layer, mapping: Mapping, memory: str) -> dict[str, str]:
    order: list[str] = []
    bounds: dict[str, int] = {}
    for loop in mapping.loops:
        places = set(loop.at.values())
        if len(places) > 1:
            raise RequestError(
                f"{layer.name}: operands keep loop {loop} in different memories, which Timeloop's levels cannot say; take an even "
                "mapping"
            )
        if places != {memory} or loop.bound == 1:
            continue
        if loop.dim in order and order[-1] != loop.dim:
            raise RequestError(
                f"{layer.name}: {loop.dim} loops twice at {memory} with another between, which Timeloop cannot say; merge them"
            )
        order += [] if loop.dim in order else [loop.dim]
        bounds[loop.dim] = bounds.get(loop.dim, 1) * loop.bound
    return _written({dim: bounds.get(dim, 1) for dim in DIMS}, order)


def _spatial(layer: Layer, dimension: str, factors: dict[str, float]) -> dict[str, str]:
    whole = {dim: int(factors.get(dim, 1)) for dim in DIMS}
    for dim, factor in factors.items():
        if factor != whole[dim]:
            raise RequestError(
                f"{layer.name}: {dim} {factor:g} along {dimension} is no whole number of units; unroll another factor"
            )
    return _written(whole, [dim for dim in DIMS if whole[dim] > 1])


def _written(factors: dict[str, int], order: list[str]) -> dict[str, str]:
    rest = [dim for dim in DIMS if dim not in order]
    return {
        "factors": " ".join(f"{DIMENSIONS[dim]}={factor}" for dim, factor in factors.items()),
        "permutation": "".join(DIMENSIONS[dim] for dim in [*order, *rest]),
    }
