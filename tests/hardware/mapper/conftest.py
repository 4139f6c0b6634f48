"""A cache of its own for every test, and a few small layers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import DEFAULT
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.problem import Problem, problem_of
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this test's cache."""
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def conv() -> Layer:
    """8 channels in and out on 8 x 8 positions, 3 x 3."""
    shape = LayerShape.conv(in_channels=8, out_channels=8, in_size=(8, 8), kernel=(3, 3), padding=(1, 1))
    return Layer("conv", shape)


@pytest.fixture
def problem(tiny: Accelerator) -> Callable[..., Problem]:
    """The problem of a layer on `tiny`."""

    def made(layer: Layer, **constraints: object) -> Problem:
        return problem_of(layer, tiny, DEFAULT, Constraints.parse(constraints))

    return made
