"""A mapped network in other tools' files, from the folder of a searched pair or given."""

import logging
from pathlib import Path

import numpy as np
import pytest

from netchip.errors import ConfigError, DataError, RequestError
from netchip.export.mapped_network import (
    MappedNetwork,
    for_zigzag,
    read_mapped,
    timeloop_files,
    write_files,
    zigzag_files,
)
from netchip.export.zigzag_reading import read_zigzag_accelerator
from netchip.hardware.conventions import ZIGZAG
from netchip.hardware.cost import evaluate
from netchip.hardware.hierarchy.problem import HierarchyProblem, Sizes
from netchip.hardware.hierarchy.technology import load_technology
from netchip.hardware.mapping_batch import MappingBatch
from netchip.hardware.search.genetic import Genetic
from netchip.hardware.search.searching import search
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

BITS = Precision(weight_bits=16, input_bits=16, output_bits=16)


def layer_of(name: str, channels: int, out: int, kernel: int, groups: int = 1) -> Layer:
    shape = LayerShape.conv(
        in_channels=channels,
        out_channels=out,
        in_size=(16, 16),
        kernel=(kernel, kernel),
        padding=(kernel // 2, kernel // 2),
        groups=groups,
    )
    return Layer(name, shape, precision=BITS)


NETWORK = Workload(
    (
        layer_of("block0.expand", 16, 96, 1),
        layer_of("block0/deep", 96, 96, 5, 96),
        layer_of("block0.project", 96, 24, 1),
    )
)


def mapped_of(*, small: bool) -> MappedNetwork:
    """A searched one; `small` registers beside a large buffer."""
    sizes = Sizes((64,), (32,), (432,)) if small else Sizes()
    problem = HierarchyProblem(NETWORK.layers, load_technology("dosa-40nm"), {}, sizes)
    picks = search(problem, Genetic(), calls=200, seed=0).require().picks
    names = [layer.name for layer in NETWORK.layers]
    mappings = dict(zip(names, problem.mappings_of(picks), strict=True))
    return MappedNetwork(problem.accelerator_of(picks), NETWORK, mappings)


def test_the_files_of_timeloop(tmp_path: Path) -> None:
    files = timeloop_files(mapped_of(small=False))
    layers = ("block0.expand", "block0_deep", "block0.project")
    wanted = {"architecture.yaml", "ERT.yaml"} | {
        f"{name}.{kind}.yaml" for name in layers for kind in ("problem", "mapping")
    }
    assert set(files) == wanted
    assert all(path.is_file() for path in write_files(tmp_path / "timeloop", files))


def test_the_chip_that_zigzag_reads_costs_the_same_up_to_the_hops(tmp_path: Path) -> None:
    mapped = mapped_of(small=False)
    chip, mappings = mapped.accelerator, list(mapped.mappings.values())
    write_files(tmp_path, zigzag_files(mapped))
    theirs = read_zigzag_accelerator(
        tmp_path / "accelerator.yaml", frequency_hz=chip.frequency_hz, precision=chip.precision
    )
    wide = for_zigzag(chip)
    free = wide.model_copy(update={"energy": wide.energy.model_copy(update={"hop": None})})
    renamed = [mapping.model_copy(update={"spatial": {"D1": mapping.spatial.get("units", {})}}) for mapping in mappings]
    ours, said = (
        evaluate(NETWORK.layers, each, MappingBatch.of(maps, each, layers=range(3)), conventions=ZIGZAG)
        for each, maps in ((free, mappings), (theirs, renamed))
    )
    np.testing.assert_allclose(np.asarray(said.energy_pj), np.asarray(ours.energy_pj), rtol=1e-9)
    np.testing.assert_allclose(np.asarray(said.cycles), np.asarray(ours.cycles), rtol=1e-9)


def test_zigzag_agrees_with_what_was_searched(tmp_path: Path) -> None:
    """The files run in ZigZag; our mappings then cost there what they cost here, up to what its words leave out.

    Registers are small beside the buffer: ZigZag fills registers by itself, and gives up where they hold more than the buffer.
    """
    zigzag = pytest.importorskip("zigzag.api", reason="zigzag-dse is not installed (pip install 'netchip[hw]')")
    from tests.export.zigzag_costing import costed_by_zigzag

    mapped = mapped_of(small=True)
    mappings = list(mapped.mappings.values())
    write_files(tmp_path, zigzag_files(mapped))
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    *_, results = zigzag.get_hardware_performance_zigzag(
        *(str(tmp_path / f"{name}.yaml") for name in ("workload", "accelerator", "mapping")),
        opt="energy",
        dump_folder=str(tmp_path / "dump"),
        loma_show_progress_bar=False,
    )
    logging.disable(before)
    wide = for_zigzag(mapped.accelerator)
    free = wide.model_copy(update={"energy": wide.energy.model_copy(update={"hop": None})})
    costs, plain = (
        evaluate(NETWORK.layers, each, MappingBatch.of(mappings, each, layers=range(3)), **more)
        for each, more in ((free, {"conventions": ZIGZAG, "latency": "stalls"}), (mapped.accelerator, {}))
    )
    for place, ((found, _), mapping) in enumerate(zip(results[0][1], mappings, strict=True)):
        theirs, ours = costed_by_zigzag(found, free, mapping), costs.row(place)
        assert ours.energy_pj == pytest.approx(theirs.energy_total, rel=1e-9)
        assert ours.cycles == theirs.latency_total2
        assert plain.row(place).energy_pj == pytest.approx(theirs.energy_total, rel=0.1)  # conventions and free hops


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    mapped = mapped_of(small=False)
    with pytest.raises(RequestError, match=r"block0.expand has no mapping; give one for each layer"):
        MappedNetwork(mapped.accelerator, NETWORK, {})
    with pytest.raises(RequestError, match="the workload has no layers"):
        MappedNetwork(mapped.accelerator, Workload(()), {})
    (tmp_path / "mappings.json").write_text("[]")
    with pytest.raises(DataError, match=r"mappings.json: holds no mappings by the names of layers"):
        read_mapped(tmp_path)
    (tmp_path / "mappings.json").write_text('{"conv": 3}')
    with pytest.raises(DataError, match=r"mappings.json: holds no mappings by the names of layers"):
        read_mapped(tmp_path)
    (tmp_path / "mappings.json").write_text('{"conv": {"loop": []}}')
    with pytest.raises(ConfigError, match=r"mappings.json: conv: .*loop"):
        read_mapped(tmp_path)
