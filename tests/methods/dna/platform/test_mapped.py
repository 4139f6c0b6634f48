"""A run's pair as a mapped network, from its folder alone."""

from pathlib import Path

import pytest

from netchip.errors import DataError, RequestError
from netchip.methods.dna.config import DnaConfig
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.platform.building import platform_of
from netchip.methods.dna.platform.mapped import mapped, mapped_of_run
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.train.rundir import RunDir, read_run
from netchip.workload.network import Workload
from tests.methods.dna.platform.finished import finished

HIERARCHY = PlatformSpec(kind="hierarchy", calls=50)


def test_the_chip_and_the_mappings_are_those_of_the_design(tmp_path: Path) -> None:
    saved = read_run(finished(tmp_path, HIERARCHY))
    chip, workload, mappings = mapped_of_run(saved)
    platform = platform_of(HIERARCHY, seed=saved.seed)
    design = platform.best(workload)  # the same seed, the same search
    assert (chip, workload, mappings) == mapped(platform, design, workload)
    assert list(mappings) == [layer.name for layer in workload.layers]


def test_a_pipeline_of_engines_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = finished(tmp_path, PlatformSpec(board="zc706"))
    with pytest.raises(RequestError, match=r"pipeline of 4 engines on zc706 .* export the layers alone"):
        mapped_of_run(read_run(folder))


def test_a_run_without_a_pair_is_named(tmp_path: Path) -> None:
    with RunDir.open(tmp_path, "dna", "custom", DnaConfig(platform=HIERARCHY), 1) as rundir:
        pass
    with pytest.raises(DataError, match=r"holds no accelerator.json, so no pair was found there yet; `netchip resume"):
        mapped_of_run(read_run(rundir.path))


def test_a_design_of_another_platform(tmp_path: Path) -> None:
    workload = Workload(example_layers("cifar")[:3])
    hierarchy, board = platform_of(HIERARCHY), platform_of(PlatformSpec(board="zc706"))
    with pytest.raises(RequestError, match="zc706 gives no mappings, so there is nothing to write"):
        mapped(board, hierarchy.best(workload), workload)
