"""One call with blocks of one's own, and what it refuses."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

import netchip
from netchip.data.loading import load
from netchip.data.spec import DatasetSpec
from netchip.errors import DataError, RequestError
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.methods.dna.space.presets import preset
from netchip.methods.dna.spec import FinalSpec, SearchSpec
from netchip.train.spec import TrainSpec

SPEC = DatasetSpec(name="digits", image_size=8, batch_size=64)
PLATFORM = PlatformSpec(board="pynq-z2", bounds=(4,), fps=30_000)
TRAIN = TrainSpec(device="cpu", progress="quiet")
SHORT = SearchSpec(pretrain_epochs=0, epochs=1, drawn=1, neighbours=0, audition_epochs=0, finalists=0)


@dataclass(frozen=True)
class Plain:
    """A block of one's own."""

    name: str = "plain"

    def build(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def test_my_own_blocks_and_bits_in_one_call(tmp_path: Path) -> None:
    ready = preset("small", classes=10, in_channels=1, image_size=8, width=0.5, options=("k3_e1", "skip"), bits=(8, 16))
    space = replace(ready, positions=tuple(replace(each, options=(*each.options, Plain())) for each in ready.positions))
    found = netchip.co_search(
        load(SPEC),
        PLATFORM,
        folder=tmp_path,
        space=space,
        dataset=SPEC,
        search=SHORT,
        final=FinalSpec(epochs=1),
        train=TRAIN,
    )
    assert found.report.over == {}
    assert found.report.fps >= 30_000
    assert found.network(torch.zeros(3, 1, 8, 8)).shape == (3, 10)
    assert found.workload.macs > 0
    with pytest.raises(DataError, match="plain is a block of your own"):
        found.save(tmp_path / "pair")


def test_a_space_for_other_images_is_refused(tmp_path: Path) -> None:
    space = preset("small", classes=10, image_size=32)
    with pytest.raises(RequestError, match=r"for \(3, 32, 32\) images of 10 classes, the data has \(1, 8, 8\) of 10"):
        netchip.co_search(SPEC, PLATFORM, folder=tmp_path, space=space)
