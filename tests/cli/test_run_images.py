"""The images of a run, and noise where there are none."""

from pathlib import Path

import pytest
import torch

from netchip.cli.run_images import images_of
from netchip.methods.fractional_skipping.experiments import smoke
from netchip.train.rundir import RunDir


def test_validation_images_of_a_run(tmp_path: Path) -> None:
    with RunDir.open(tmp_path, "fractional-skipping", "smoke", smoke(), 1) as rundir:
        folder = rundir.path
    found, words = images_of(str(folder), torch.zeros(1, 1, 8, 8))
    assert found.shape[1:] == (1, 8, 8)
    assert words == f"{len(found)} validation images in turn"


def test_noise_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, words = images_of(str(tmp_path), torch.zeros(1, 3, 4, 4))
    assert found.shape == (256, 3, 4, 4)
    assert words == "decisions on 256 images of noise"
    assert "The run's own images are not at hand" in capsys.readouterr().err
