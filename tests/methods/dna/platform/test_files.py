"""A pair's files: read again they are the same pair, and exporters read them."""

import csv
from pathlib import Path

import pytest

from netchip.errors import DataError
from netchip.export.mapped_network import read_mapped
from netchip.hardware.chips import load_chip
from netchip.hardware.fpga.board import load_board
from netchip.hardware.hierarchy.technology import load_technology
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.platform.files import read_design, write_pair
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.spaces import spaces_by_map_size
from netchip.workload.network import Workload

NETWORK = Workload(example_layers("cifar")[:4])
FPGA = FpgaPlatform(board=load_board("zc706"), spaces=spaces_by_map_size(), fps=50)
HIERARCHY = HierarchyPlatform(technology=load_technology("dosa-40nm"), calls=200)


@pytest.mark.parametrize("platform", [FPGA, HIERARCHY], ids=["fpga", "hierarchy"])
def test_a_pair_comes_back(platform: FpgaPlatform | HierarchyPlatform, tmp_path: Path) -> None:
    design = platform.best(NETWORK)
    written = write_pair(tmp_path / "pair", platform, design, NETWORK)
    assert all(path.is_file() for path in written)
    for name in ("accelerator.json", "accelerator.yaml"):
        assert read_design(tmp_path / "pair" / name) == design
    rows = list(csv.DictReader((tmp_path / "pair" / "breakdown.csv").open()))
    assert [row["name"] for row in rows] == [layer.name for layer in NETWORK.layers]
    report = platform.report(design, NETWORK)
    assert sum(float(row["cycles"]) for row in rows) == pytest.approx(sum(part.cycles for part in report.parts))


def test_a_hierarchy_is_a_chip_for_every_verb(tmp_path: Path) -> None:
    design = HIERARCHY.best(NETWORK)
    chip, mappings = HIERARCHY.built(design, NETWORK)
    write_pair(tmp_path, HIERARCHY, design, NETWORK)
    assert load_chip(tmp_path / "chip.yaml") == chip
    mapped = read_mapped(tmp_path)
    assert (mapped.workload, mapped.accelerator) == (NETWORK, chip)
    assert tuple(mapped.mappings.values()) == mappings


def test_files_that_hold_no_design_are_named(tmp_path: Path) -> None:
    path = tmp_path / "accelerator.json"
    path.write_text("{}")
    with pytest.raises(DataError, match=r"accelerator.json: this design is of format None"):
        read_design(path)
    path = tmp_path / "accelerator.yaml"
    path.write_text("- 1")
    with pytest.raises(DataError, match=r"accelerator.yaml: no design .*holds list, not keys with values"):
        read_design(path)
