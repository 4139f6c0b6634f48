"""ZigZag's accelerator YAML as an `Accelerator`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from netchip.errors import DataError
from netchip.export.yaml_text import read_yaml
from netchip.export.zigzag_grammar import WITHOUT_LIMIT_BITS, ZigZagAccelerator, ZigZagMemory, ZigZagPort
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.dimensions import READS, WRITES, Operand, moves_of


def read_zigzag_accelerator(
    path: Path | str, *, frequency_hz: float = 1e9, areas_in_mm2: bool = False, **more: Any
) -> Accelerator:
    """The accelerator in a ZigZag 3.x YAML file; the path is the source of its constants.

    ZigZag counts in cycles, so the clock is the caller's (1 GHz where left out); `more` are further fields of `Accelerator`
    that such a file cannot say, such as `precision` and `source`. Its areas have no unit and are left out unless
    `areas_in_mm2`. A size of 2^62 bits is a memory without limit.

    Raises `DataError` for a file that is no YAML, `ConfigError` with one clause a fault for anything else.
    """
    data = read_yaml(path)
    if not isinstance(data, Mapping):
        raise DataError(
            f"{path}: an accelerator is a mapping with name, memories and operational_array; found {_kind(data)}"
        )
    file = ZigZagAccelerator.parse(cast("Mapping[str, Any]", data), source=str(path))
    fields = _plain(file, str(more.get("source", path))) | {"frequency_hz": frequency_hz}
    if areas_in_mm2:
        fields["area"] = _areas(file, str(more.get("source", path)))
    return Accelerator.parse(fields | more, source=str(path))


def _kind(data: Any) -> str:
    return "nothing" if data is None else type(data).__name__


def _plain(file: ZigZagAccelerator, source: str) -> dict[str, Any]:
    array = file.operational_array
    tops: dict[Operand, str] = {operand: name for name, memory in file.memories.items() for operand in memory.held}
    return {
        "name": file.name,
        "source": source,
        "array": dict(zip(array.dimensions, array.sizes, strict=True)),
        "systolic": array.systolic_dimensions,
        "memories": [_memory(name, memory, tops) for name, memory in file.memories.items()],
        "energy": {
            "mac": {"pj": array.unit_energy, "source": source},
            "memories": {
                name: {"read_pj": memory.r_cost, "write_pj": memory.w_cost, "source": source}
                for name, memory in file.memories.items()
            },
        },
    }


def _memory(name: str, memory: ZigZagMemory, tops: Mapping[Operand, str]) -> dict[str, Any]:
    return {
        "name": name,
        "bits": memory.size if memory.size < WITHOUT_LIMIT_BITS else None,
        "operands": memory.held,
        "serves": memory.served_dimensions,
        "ports": [_port(port, memory, name, tops) for port in memory.ports],
        "double_buffered": memory.force_double_buffering,
    }


def _port(port: ZigZagPort, memory: ZigZagMemory, name: str, tops: Mapping[Operand, str]) -> dict[str, Any]:
    return {
        "name": port.name,
        "kind": port.type,
        "bits_per_cycle": port.bandwidth_max,
        "least_bits": port.bandwidth_min if port.bandwidth_min != port.bandwidth_max else None,
        "moves": () if _serves_all(port, memory, name, tops) else port.moves,
    }


def _serves_all(port: ZigZagPort, memory: ZigZagMemory, name: str, tops: Mapping[Operand, str]) -> bool:
    """Whether the port takes every move of its kind that the memory makes, so that none needs to be named."""
    can = {"read": READS, "write": WRITES}.get(port.type, READS + WRITES)
    made = [(operand, move) for operand in memory.held for move in moves_of(operand, top=tops[operand] == name)]
    wanted = {each for each in made if each[1] in can}
    others = [other.type for other in memory.ports if other.name != port.name]
    rivals = [kind for kind in others if "read_write" in (kind, port.type) or kind == port.type]
    return not rivals and wanted <= set(port.moves)


def _areas(file: ZigZagAccelerator, source: str) -> dict[str, Any]:
    return {
        "mac": {"mm2": file.operational_array.unit_area, "source": source},
        "memories": {name: {"mm2": memory.area or 0.0, "source": source} for name, memory in file.memories.items()},
    }
