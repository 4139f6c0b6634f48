"""A pair as files: for netchip to read again, and for people."""

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netchip.errors import ConfigError, DataError
from netchip.files import read_json, write_atomic, write_json
from netchip.hardware.plain_yaml import read_yaml, write_yaml
from netchip.methods.dna.platform.designs import design_from_json
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.platform import Design, LayerRow, PairReport, Platform
from netchip.workload.network import Workload

ACCELERATOR, BREAKDOWN = "accelerator", "breakdown.csv"


def write_pair(folder: Path, platform: Platform, design: Design, workload: Workload) -> tuple[Path, ...]:
    """Writes the files of a pair, and says which.

    `accelerator.json` (read again by `read_design`), the same as YAML, `breakdown.csv` with a row a layer, `workload.json`. Of a
    hierarchy besides `chip.yaml` for `netchip cost --chip` and `mappings.json`, from which `netchip.export.mapped_network` writes
    the files of Timeloop and ZigZag. Pipelines have no such files: neither tool knows several engines at work at once.
    """
    report = platform.report(design, workload)
    plain = {
        **design.to_json(),
        "report": {name: value for name, value in report.to_json().items() if name != "layers"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        folder / f"{ACCELERATOR}.json",
        folder / f"{ACCELERATOR}.yaml",
        folder / BREAKDOWN,
        folder / "workload.json",
    ]
    write_json(written[0], plain)
    write_atomic(written[1], write_yaml(read_json(written[0])))
    write_atomic(written[2], breakdown_csv(report))
    workload.save(written[3])
    if isinstance(platform, HierarchyPlatform):
        chip, mappings = platform.built(design, workload)
        written += [folder / "chip.yaml", folder / "mappings.json"]
        write_atomic(written[4], write_yaml(chip.model_dump(mode="json", exclude_none=True)))
        named = zip(workload.layers, mappings, strict=True)
        write_json(written[5], {layer.name: mapping.model_dump(mode="json") for layer, mapping in named})
    return tuple(written)


def read_design(path: Path) -> Design:
    """The design in an `accelerator.json` or `.yaml`; raises `DataError` that names the file."""
    try:
        data: Any = read_yaml(path.read_text(), str(path)) if path.suffix in (".yaml", ".yml") else read_json(path)
    except (OSError, UnicodeDecodeError, ConfigError) as error:
        raise DataError(f"{path}: no design ({error})") from None
    try:
        if not isinstance(data, dict):
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
