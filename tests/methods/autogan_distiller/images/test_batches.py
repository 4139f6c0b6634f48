import numpy as np
import pytest
import torch

from netchip.errors import ConfigError, DataError
from netchip.methods.autogan_distiller.images.augment import turned
from netchip.methods.autogan_distiller.images.batches import BothHalves, CropBatches


class Doubled:
    """Targets: every pixel of the crop twice as large a square, values in 0..1."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return (self.images[indices] / 255).astype(np.float32).repeat(2, axis=2).repeat(2, axis=3)


def some_crops(count: int = 10, size: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


@pytest.mark.parametrize("augment", ["none", "flip", "dihedral"])
def test_inputs_and_targets_are_turned_alike(augment: str) -> None:
    images = some_crops()
    batches = CropBatches(images, Doubled(images), batch_size=5, seed=1, augment=augment)
    changed = 0
    for inputs, targets in batches.epoch(3):
        assert torch.allclose(inputs.repeat_interleave(2, 2).repeat_interleave(2, 3), targets)
        changed += sum(
            not bool((torch.from_numpy(images / 255).float() - one).abs().amax((1, 2, 3)).min() < 1e-6)
            for one in inputs
        )
    assert (changed > 0) == (augment != "none")


def test_flip_by_hand() -> None:
    image = np.arange(4, dtype=np.uint8).reshape(1, 1, 2, 2)
    words = [turned(image, np.array([word], np.uint64), "dihedral").ravel().tolist() for word in range(8)]
    assert words[:3] == [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1]]
    assert words[4] == [0, 2, 1, 3]
    assert len({tuple(each) for each in words}) == 8


def test_an_epoch_is_a_function_of_its_number_and_sees_every_crop_once() -> None:
    images = some_crops()
    batches = CropBatches(images, None, batch_size=5, seed=1, augment="none")
    whole = [inputs for (inputs,) in batches.epoch(2)]
    later = [inputs for (inputs,) in batches.epoch(2, start=1)]
    assert len(whole) == len(batches) == 2
    assert torch.equal(whole[1], later[0])
    seen = torch.cat(whole).mul(255).round().to(torch.uint8).numpy()
    assert sorted(map(bytes, seen)) == sorted(map(bytes, images))
    assert not torch.equal(whole[0], next(iter(batches.epoch(3)))[0])


def test_parts_make_up_the_whole_batch() -> None:
    batches = CropBatches(some_crops(), None, batch_size=4, seed=1)
    whole = next(batches.epoch(0))[0]
    parts = [next(batches.epoch(0, part=part, parts=2))[0] for part in range(2)]
    assert torch.equal(whole, torch.cat(parts))
    with pytest.raises(ConfigError, match="batch_size 4 cannot be shared equally by 3 parts"):
        next(batches.epoch(0, parts=3))


def test_values_are_in_the_asked_range() -> None:
    batches = CropBatches(np.full((4, 3, 4, 4), 255, np.uint8), None, batch_size=4, seed=1, low=-1.0)
    assert torch.equal(next(batches.epoch(0))[0], torch.ones(4, 3, 4, 4))


def test_both_halves_come_side_by_side() -> None:
    a, b = some_crops(8), some_crops(12) // 2
    both = BothHalves(
        CropBatches(a, Doubled(a), batch_size=4, seed=1), CropBatches(b, Doubled(b), batch_size=4, seed=2)
    )
    found = list(both.epoch(1))
    assert len(found) == len(both) == 2
    assert [len(batch) for batch in found] == [4, 4]
    assert torch.equal(found[1][2], list(both.architecture.epoch(1))[1][0])
    assert torch.equal(next(both.epoch(1, start=1))[0], found[1][0])
    assert both.state()["weights length"] == 8


def test_fewer_crops_than_a_batch_are_refused() -> None:
    with pytest.raises(DataError, match="the architecture part has 3 crops, fewer than a batch of 4; add pictures"):
        CropBatches(some_crops(3), None, batch_size=4, seed=1, part_name="architecture")


def test_targets_of_other_crops_are_refused() -> None:
    with pytest.raises(DataError, match="5 targets for 10 crops: they do not belong together"):
        CropBatches(some_crops(10), Doubled(some_crops(5)), batch_size=4, seed=1)


def test_without_shuffling_the_crops_come_as_they_are() -> None:
    images = some_crops(6)
    batches = CropBatches(images, None, batch_size=3, seed=1, augment="none", shuffle=False)
    for epoch in range(2):
        seen = torch.cat([inputs for (inputs,) in batches.epoch(epoch)]).mul(255).round().byte()
        assert np.array_equal(seen.numpy(), images)
