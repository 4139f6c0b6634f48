"""A network mapped onto an accelerator, in the files of Timeloop and ZigZag: read from the folder of a searched pair, or given."""

import re
from collections.abc import Mapping as Table
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netchip.errors import DataError, RequestError
from netchip.export.timeloop_architecture import timeloop_architecture, timeloop_energies
from netchip.export.timeloop_mapping import timeloop_mapping
from netchip.export.timeloop_problem import timeloop_problem
from netchip.export.zigzag_mapping import zigzag_mapping
from netchip.export.zigzag_workload import only_precision, zigzag_workload
from netchip.export.zigzag_writing import zigzag_accelerator
from netchip.files import read_json, write_atomic
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import load_chip
from netchip.hardware.mapping import Mapping
from netchip.workload.layer import Layer
from netchip.workload.network import Workload

CHIP, WORKLOAD, MAPPINGS = "chip.yaml", "workload.json", "mappings.json"
NOT_IN_ZIGZAG = ("energy.hop", "kinds")
"""What ZigZag's grammar has no word for: steps between units are free there, and it runs every kind of layer."""

_LEAST_BITS, _PORT_BITS = 16, 64


@dataclass(frozen=True)
class MappedNetwork:
    """An accelerator, the layers it runs, and the mapping of each by its name; raises `RequestError` where a layer has none."""

    accelerator: Accelerator
    workload: Workload
    mappings: Table[str, Mapping]

    def __post_init__(self) -> None:
        if not self.workload.layers:
            raise RequestError("the workload has no layers; give one with at least one")
        for layer in self.workload.layers:
            if layer.name not in self.mappings:
                raise RequestError(f"{layer.name} has no mapping; give one for each layer")


def read_mapped(folder: Path) -> MappedNetwork:
    """What a searched pair left in `folder` (chip.yaml, workload.json, mappings.json); raises `DataError` that names the file."""
    path = folder / MAPPINGS
    data: Any = read_json(path)
    if not isinstance(data, dict):
        raise DataError(f"{path}: holds no mappings by the names of layers")
    try:
        mappings = {str(name): Mapping.parse(each, source=f"{path}: {name}") for name, each in data.items()}
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: holds no mappings by the names of layers ({error})") from None
    return MappedNetwork(load_chip(folder / CHIP), Workload.load(folder / WORKLOAD), mappings)


def timeloop_files(mapped: MappedNetwork) -> dict[str, str]:
    """Texts of v0.4 files by name: architecture, energies, and of each layer a problem and a mapping."""
    files = {
        "architecture.yaml": timeloop_architecture(mapped.accelerator),
        "ERT.yaml": timeloop_energies(mapped.accelerator),
    }
    for layer in mapped.workload.layers:
        name = problem_name(layer)
        if f"{name}.problem.yaml" in files:
            raise RequestError(
                f"{layer.name}: another layer's files are called {name} too; give one of them another name"
            )
        files[f"{name}.problem.yaml"] = timeloop_problem(layer)
        files[f"{name}.mapping.yaml"] = timeloop_mapping(layer, mapped.accelerator, mapped.mappings[layer.name])
    return files


def problem_name(layer: Layer) -> str:
    """How the two Timeloop files of a layer begin."""
    return re.sub(r"[^\w.-]", "_", layer.name)


def zigzag_files(mapped: MappedNetwork) -> dict[str, str]:
    """Texts of ZigZag 3.x files by name: the accelerator in its terms (`for_zigzag`), the workload, the mapping with its orders."""
    wide, workload = for_zigzag(mapped.accelerator), mapped.workload
    precision = only_precision(workload)
    return {
        "accelerator.yaml": zigzag_accelerator(wide, precision=precision, without=NOT_IN_ZIGZAG),
        "workload.yaml": zigzag_workload(workload),
        "mapping.yaml": zigzag_mapping(workload, wide, mapped.mappings, loop_order=True),
    }


def write_files(folder: Path, files: Table[str, str]) -> tuple[Path, ...]:
    """Writes texts under a folder, and says where."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_atomic(folder / name, text)
    return tuple(folder / name for name in files)


def for_zigzag(accelerator: Accelerator) -> Accelerator:
    """An accelerator in ZigZag's terms: every memory has ports, and an access is as wide as its port, at the same price a bit.

    A memory that is as fast as wanted here gets a port for each operand and direction that passes 64 bits a cycle; parts of an
    access of 16 bits are paid as parts.
    """
    plain = accelerator.model_dump(mode="json")
    for memory in plain["memories"]:
        if not memory["ports"]:
            memory["ports"] = _private_ports(memory["operands"])
        width = memory["ports"][0]["bits_per_cycle"]
        for port in memory["ports"]:
            port["least_bits"] = min(_LEAST_BITS, port["bits_per_cycle"])
        price = plain["energy"]["memories"][memory["name"]]
        for way in ("read_pj", "write_pj"):
            price[way] *= width / (memory["access_bits"] or width)
        memory["access_bits"] = None
    return Accelerator.parse(plain, source=accelerator.name)


def _private_ports(operands: list[str]) -> list[dict[str, Any]]:
    moves = [(operand, move) for operand in operands for move in ("read", "fill", "update", "drain")]
    possible = [(operand, move) for operand, move in moves if operand == "O" or move in ("read", "fill")]
    return [
        {
            "name": f"{'r' if move in ('read', 'drain') else 'w'}_port_{place + 1}",
            "kind": "read" if move in ("read", "drain") else "write",
            "bits_per_cycle": _PORT_BITS,
            "moves": [[operand, move]],
        }
        for place, (operand, move) in enumerate(possible)
    ]
