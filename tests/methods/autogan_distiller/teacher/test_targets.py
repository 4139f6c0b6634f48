from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.methods.autogan_distiller.images.pictures import to_values
from netchip.methods.autogan_distiller.teacher.targets import SHARD, cached_targets
from netchip.methods.autogan_distiller.teacher.teacher import Teacher

EXAMPLE = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))


class Counting:
    """Enlarges by 2; remembers how many images it was asked about, and stops after `most`."""

    def __init__(self, most: int = 10_000) -> None:
        self.asked, self.most = 0, most

    def __call__(self, images: Tensor) -> Tensor:
        self.asked += len(images)
        if self.asked > self.most:
            raise KeyboardInterrupt
        return nn.functional.interpolate(images, scale_factor=2)


def some_crops(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 3, 4, 4), dtype=np.uint8)


def test_answers_are_the_teachers_to_half_precision_and_asked_once(tmp_path: Path) -> None:
    generator, crops = Counting(), some_crops(SHARD + 5)
    teacher = Teacher(generator, EXAMPLE)
    generator.asked = 0
    found = cached_targets(teacher, crops, folder=tmp_path)
    assert (len(found), generator.asked) == (SHARD + 5, SHARD + 5)
    chosen = np.array([SHARD + 2, 0, 7])
    expected = teacher(to_values(crops[chosen], 0.0, 1.0)).numpy()
    assert found[chosen].dtype == np.float32
    assert np.abs(found[chosen] - expected).max() <= 2**-11
    generator.asked = 0
    again = cached_targets(teacher, crops, folder=tmp_path)
    assert generator.asked == 0
    assert np.array_equal(again[chosen], found[chosen])


def test_a_stopped_computation_goes_on_where_it_was(tmp_path: Path) -> None:
    crops, generator = some_crops(3 * SHARD), Counting()
    teacher = Teacher(generator, EXAMPLE)
    generator.asked, generator.most = 0, 2 * SHARD + 20
    with pytest.raises(KeyboardInterrupt):
        cached_targets(teacher, crops, folder=tmp_path)
    assert len(list(tmp_path.glob("*"))) == 2
    generator.asked = 0
    cached_targets(teacher, crops, folder=tmp_path)
    assert generator.asked == SHARD


def test_other_weights_or_other_pixels_are_asked_again(tmp_path: Path) -> None:
    crops = some_crops(4)
    for bias in (0.0, 0.5):
        network = nn.Conv2d(3, 3, 1)
        nn.init.zeros_(network.weight)
        nn.init.constant_(network.bias, bias)  # pyright: ignore
        found = cached_targets(Teacher(network, EXAMPLE), crops, folder=tmp_path)
        assert float(found[np.array([0])].mean()) == bias
    cached_targets(Teacher(network, EXAMPLE), crops + 1, folder=tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 3


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_a_damaged_file_is_written_again(tmp_path: Path, content: bytes | None) -> None:
    teacher, crops = Teacher(Counting(), EXAMPLE), some_crops(4)
    before = cached_targets(teacher, crops, folder=tmp_path)[np.arange(4)]
    [path] = tmp_path.glob("*.npy")
    path.write_bytes(path.read_bytes()[:-10] if content is None else content)
    assert np.array_equal(cached_targets(teacher, crops, folder=tmp_path)[np.arange(4)], before)


def test_the_cache_lies_where_the_others_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETCHIP_CACHE", str(tmp_path))
    cached_targets(Teacher(Counting(), EXAMPLE), some_crops(2))
    assert len(list((tmp_path / "teacher-targets").glob("*.npy"))) == 1
