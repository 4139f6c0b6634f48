"""A pair's files: read again they are the same pair, and other tools' files say what was searched."""

import csv
import logging
from pathlib import Path

import numpy as np
import pytest

from netchip.errors import DataError
from netchip.export.zigzag_reading import read_zigzag_accelerator
from netchip.hardware.chips import load_chip
from netchip.hardware.conventions import ZIGZAG
from netchip.hardware.cost import evaluate
from netchip.hardware.fpga.board import load_board
from netchip.hardware.hierarchy.problem import Sizes
from netchip.hardware.hierarchy.technology import load_technology
from netchip.hardware.mapping_batch import MappingBatch
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.platform.files import for_zigzag, read_design, write_pair
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.spaces import spaces_by_map_size
from netchip.workload.network import Workload
from tests.export.zigzag_costing import costed_by_zigzag

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


def test_a_hierarchy_is_a_chip_for_every_verb_and_for_other_tools(tmp_path: Path) -> None:
    design = HIERARCHY.best(NETWORK)
    chip, _ = HIERARCHY.built(design, NETWORK)
    names = {path.relative_to(tmp_path).as_posix() for path in write_pair(tmp_path, HIERARCHY, design, NETWORK)}
    assert load_chip(tmp_path / "chip.yaml") == chip
    assert {
        f"timeloop/{layer.name}.{kind}.yaml" for layer in NETWORK.layers for kind in ("problem", "mapping")
    } <= names
    assert {"timeloop/architecture.yaml", "timeloop/ERT.yaml"} <= names
    assert {f"zigzag/{kind}.yaml" for kind in ("accelerator", "workload", "mapping")} <= names


def test_the_chip_that_zigzag_reads_costs_the_same_up_to_the_hops(tmp_path: Path) -> None:
    design = HIERARCHY.best(NETWORK)
    chip, mappings = HIERARCHY.built(design, NETWORK)
    write_pair(tmp_path, HIERARCHY, design, NETWORK)
    theirs = read_zigzag_accelerator(
        tmp_path / "zigzag" / "accelerator.yaml", frequency_hz=chip.frequency_hz, precision=chip.precision
    )
    wide = for_zigzag(chip)
    free = wide.model_copy(update={"energy": wide.energy.model_copy(update={"hop": None})})
    renamed = [mapping.model_copy(update={"spatial": {"D1": mapping.spatial.get("units", {})}}) for mapping in mappings]
    ours, said = (
        evaluate(NETWORK.layers, each, MappingBatch.of(maps, each, layers=range(4)), conventions=ZIGZAG)
        for each, maps in ((free, list(mappings)), (theirs, renamed))
    )
    np.testing.assert_allclose(np.asarray(said.energy_pj), np.asarray(ours.energy_pj), rtol=1e-9)
    np.testing.assert_allclose(np.asarray(said.cycles), np.asarray(ours.cycles), rtol=1e-9)


def test_files_that_hold_no_design_are_named(tmp_path: Path) -> None:
    path = tmp_path / "accelerator.json"
    path.write_text("{}")
    with pytest.raises(DataError, match=r"accelerator.json: this design is of format None"):
        read_design(path)
    path = tmp_path / "accelerator.yaml"
    path.write_text("- 1")
    with pytest.raises(DataError, match=r"accelerator.yaml: it holds no design"):
        read_design(path)


def test_zigzag_agrees_with_what_was_searched(tmp_path: Path) -> None:
    """The emitted files run in ZigZag; our mappings then cost there what they cost here, up to what its words leave out.

    Registers are small beside the buffer here: ZigZag fills registers by itself, and gives up where all of them hold more than
    the buffer.
    """
    zigzag = pytest.importorskip("zigzag.api", reason="zigzag-dse is not installed (pip install 'netchip[hw]')")
    small = HierarchyPlatform(technology=load_technology("dosa-40nm"), sizes=Sizes((64,), (32,), (432,)), calls=200)
    design = small.best(NETWORK)
    chip, mappings = small.built(design, NETWORK)
    write_pair(tmp_path, small, design, NETWORK)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    *_, results = zigzag.get_hardware_performance_zigzag(
        *(str(tmp_path / "zigzag" / f"{name}.yaml") for name in ("workload", "accelerator", "mapping")),
        opt="energy",
        dump_folder=str(tmp_path / "dump"),
        loma_show_progress_bar=False,
    )
    logging.disable(before)
    wide = for_zigzag(chip)
    free = wide.model_copy(update={"energy": wide.energy.model_copy(update={"hop": None})})
    batch = MappingBatch.of(list(mappings), free, layers=range(4))
    costs = evaluate(NETWORK.layers, free, batch, conventions=ZIGZAG, latency="stalls")
    for place, ((found, _), mapping) in enumerate(zip(results[0][1], mappings, strict=True)):
        theirs, ours = costed_by_zigzag(found, free, mapping), costs.row(place)
        assert ours.energy_pj == pytest.approx(theirs.energy_total, rel=1e-9)
        assert ours.cycles == theirs.latency_total2
        default = small.report(design, NETWORK).layers[place]
        assert default.energy_pj == pytest.approx(theirs.energy_total, rel=0.1)  # conventions and free hops
