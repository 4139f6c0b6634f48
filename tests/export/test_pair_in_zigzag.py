"""The costs of a searched pair, recomputed by ZigZag from the files that `netchip export RUN --to zigzag` writes."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from netchip.cli.main import main
from netchip.export.mapped_network import MappedNetwork, for_zigzag
from netchip.methods.dna.platform.mapped import mapped_of_run
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.train.rundir import read_run
from tests.methods.dna.platform.finished import finished


def costed(folder: Path) -> list[Any]:
    """ZigZag's own result for each layer of its three files in a folder."""
    zigzag = pytest.importorskip("zigzag.api", reason="zigzag-dse is not installed (pip install 'netchip[hw]')")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    *_, results = zigzag.get_hardware_performance_zigzag(
        *(str(folder / f"{name}.yaml") for name in ("workload", "accelerator", "mapping")),
        opt="energy",
        dump_folder=str(folder / "dump"),
        loma_show_progress_bar=False,
    )
    logging.disable(before)
    return [found for found, _ in results[0][1]]


def test_zigzag_recomputes_the_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With our cuts its costs are the last of the steps that the export shows; where it places loops by itself, they are near."""
    pytest.importorskip("zigzag.api", reason="zigzag-dse is not installed (pip install 'netchip[hw]')")
    from tests.export.zigzag_costing import costed_by_zigzag

    run = finished(tmp_path, PlatformSpec(kind="hierarchy", calls=200))
    assert main(["export", str(run), "--to", "zigzag", "-o", str(tmp_path / "files"), "--json"]) == 0
    [written] = json.loads(capsys.readouterr().out)["files"]
    searched, said = written["steps"][0], written["steps"][-1]
    pair = MappedNetwork(*mapped_of_run(read_run(run)))
    chip = for_zigzag(pair.accelerator)
    own = costed(tmp_path / "files")
    held = [
        costed_by_zigzag(found, chip, pair.mappings[layer.name])
        for found, layer in zip(own, pair.workload.layers, strict=True)
    ]
    energy, cycles = sum(each.energy_total for each in held), sum(each.latency_total2 for each in held)
    assert energy == pytest.approx(said["energy_pj"], rel=1e-9)
    assert cycles / chip.frequency_hz == pytest.approx(said["latency_s"], rel=1e-9)
    placed = sum(each.energy_total for each in own)
    assert placed == pytest.approx(energy, rel=0.1)
    assert energy == pytest.approx(searched["energy_pj"], rel=0.1)
