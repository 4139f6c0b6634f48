"""A pair as files: for netchip to read again, for people, and for other tools."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netchip.errors import DataError
from netchip.export.timeloop_architecture import timeloop_architecture, timeloop_energies
from netchip.export.timeloop_mapping import timeloop_mapping
from netchip.export.timeloop_problem import timeloop_problem
from netchip.export.yaml_text import as_yaml, read_yaml
from netchip.export.zigzag_mapping import zigzag_mapping
from netchip.export.zigzag_workload import zigzag_workload
from netchip.export.zigzag_writing import zigzag_accelerator
from netchip.files import read_json, write_atomic, write_json
from netchip.hardware.accelerator import Accelerator
from netchip.methods.dna.platform.designs import design_from_json
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.platform import Design, LayerRow, PairReport, Platform
from netchip.workload.network import Workload

ACCELERATOR, BREAKDOWN = "accelerator", "breakdown.csv"
NOT_IN_ZIGZAG = ("energy.hop", "kinds")
"""What ZigZag's grammar has no word for: steps between units are free there, and it runs every kind of layer."""

_LEAST_BITS = 16


def write_pair(folder: Path, platform: Platform, design: Design, workload: Workload) -> tuple[Path, ...]:
    """Writes the files of a pair, and says which.

    `accelerator.json` (read again by `read_design`), the same as YAML, `breakdown.csv` with a row a layer. Of a hierarchy besides
    `chip.yaml` for `netchip cost --chip`, `timeloop/` (architecture, energies, and of each layer problem and mapping, v0.4) and
    `zigzag/` (accelerator, workload, mapping, 3.x). Pipelines have no such files: neither tool knows several engines at once.
    """
    report = platform.report(design, workload)
    plain = {
        **design.to_json(),
        "report": {name: value for name, value in report.to_json().items() if name != "layers"},
    }
    texts = {f"{ACCELERATOR}.yaml": as_yaml(plain), BREAKDOWN: breakdown_csv(report)}
    if isinstance(platform, HierarchyPlatform):
        texts |= _of_hierarchy(platform, design, workload)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{ACCELERATOR}.json", plain)
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_atomic(folder / name, text)
    return tuple(folder / name for name in (f"{ACCELERATOR}.json", *texts))


def read_design(path: Path) -> Design:
    """The design in an `accelerator.json` or `.yaml`; raises `DataError` that names the file."""
    data: Any = read_yaml(path) if path.suffix in (".yaml", ".yml") else read_json(path)
    try:
        if not isinstance(data, Mapping):
            raise DataError("it holds no design")
        return design_from_json(data)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def breakdown_csv(report: PairReport) -> str:
    """A row a layer: its part, cycles, DRAM bits, utilisation, what binds it, MACs, energy."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(LayerRow.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in report.layers)
    return text.getvalue()


def for_zigzag(accelerator: Accelerator) -> Accelerator:
    """A hierarchy in ZigZag's terms: every memory has ports, and an access is as wide as its port, at the same price a bit.

    Registers, which are as fast as wanted here, get a port for each operand and direction that passes 64 bits a cycle; parts of an
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
            "bits_per_cycle": 64,
            "moves": [[operand, move]],
        }
        for place, (operand, move) in enumerate(possible)
    ]


def _of_hierarchy(platform: HierarchyPlatform, design: Design, workload: Workload) -> dict[str, str]:
    chip, mappings = platform.built(design, workload)
    pairs = list(zip(workload.layers, mappings, strict=True))
    files = {
        "chip.yaml": as_yaml(chip.model_dump(mode="json", exclude_none=True)),
        "timeloop/architecture.yaml": timeloop_architecture(chip),
        "timeloop/ERT.yaml": timeloop_energies(chip),
    }
    for layer, mapping in pairs:
        name = re.sub(r"[^\w.-]", "_", layer.name)
        files[f"timeloop/{name}.problem.yaml"] = timeloop_problem(layer)
        files[f"timeloop/{name}.mapping.yaml"] = timeloop_mapping(layer, chip, mapping)
    wide, by_name = for_zigzag(chip), {layer.name: mapping for layer, mapping in pairs}
    files["zigzag/accelerator.yaml"] = zigzag_accelerator(
        wide, precision=workload.layers[0].precision, without=NOT_IN_ZIGZAG
    )
    files["zigzag/workload.yaml"] = zigzag_workload(workload)
    files["zigzag/mapping.yaml"] = zigzag_mapping(workload, wide, by_name, loop_order=True)
    return files
