"""Batches: order and augmentation are functions of (seed, epoch, index), whatever the parts and the starting step."""

from typing import Any

import numpy as np
import pytest
import torch

from netchip.data.batches import Batches, evaluation_batches, training_batches
from netchip.data.images import ImageClasses, Split
from netchip.data.spec import DatasetSpec
from netchip.errors import ConfigError, DataError


def numbered(count: int = 50, channels: int = 3) -> Split:
    """Random images; the label of an image is its index, so that a batch tells its order."""
    images = np.random.default_rng(0).integers(0, 256, (count, channels, 8, 8), dtype=np.uint8)
    return Split(images, np.arange(count, dtype=np.int64))


def batches(split: Split | None = None, **settings: Any) -> Batches:
    values = {"batch_size": 8, "seed": 1, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.25, 0.3)} | settings
    return Batches(numbered() if split is None else split, **values)


def labels_of(steps: Any) -> list[int]:
    return [int(label) for _, labels in steps for label in labels]


def test_an_epoch_is_a_permutation_and_epochs_and_seeds_differ() -> None:
    loader = batches(drop_last=False)
    first = labels_of(loader.epoch(0))
    assert sorted(first) == list(range(50))
    assert first == labels_of(loader.epoch(0))
    assert first != labels_of(loader.epoch(1))
    assert first != labels_of(batches(drop_last=False, seed=2).epoch(0))


def test_drop_last_leaves_out_the_partial_batch_only() -> None:
    assert len(batches()) == 6
    assert len(labels_of(batches().epoch(0))) == batches().images_per_epoch == 48
    assert len(batches(drop_last=False)) == 7
    assert [len(labels) for _, labels in batches(drop_last=False).epoch(0)] == [8] * 6 + [2]


def test_a_split_smaller_than_a_batch_is_one_batch_of_all() -> None:
    loader = batches(numbered(5), batch_size=8)
    assert len(loader) == 1
    assert sorted(labels_of(loader.epoch(0))) == list(range(5))


def test_pixels_are_normalised_with_the_given_mean_and_std() -> None:
    split = numbered(4)
    images, _ = next(iter(batches(split, batch_size=4, shuffle=False).epoch(0)))
    mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.2, 0.25, 0.3])
    expected = (split.images / 255 - mean[:, None, None]) / std[:, None, None]
    assert images.dtype == torch.float32
    np.testing.assert_allclose(images.numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("start", [0, 1, 4, 6])
def test_starting_later_gives_the_remaining_batches_bit_for_bit(start: int) -> None:
    loader = batches(augment="crop-flip")
    whole = list(loader.epoch(3))[start:]
    resumed = list(batches(augment="crop-flip").epoch(3, start=start))
    assert len(whole) == len(resumed) == 6 - start
    for (images, labels), (again, labels_again) in zip(whole, resumed, strict=True):
        assert torch.equal(images, again)
        assert torch.equal(labels, labels_again)


@pytest.mark.parametrize("parts", [1, 2, 4, 8])
def test_the_union_of_the_parts_is_the_whole_batch(parts: int) -> None:
    loader = batches(augment="crop-flip")
    pieces = [list(loader.epoch(2, part=part, parts=parts)) for part in range(parts)]
    for step, (images, labels) in enumerate(loader.epoch(2)):
        assert torch.equal(images, torch.cat([piece[step][0] for piece in pieces]))
        assert torch.equal(labels, torch.cat([piece[step][1] for piece in pieces]))
        assert {len(piece[step][1]) for piece in pieces} == {8 // parts}


def test_augmentation_follows_the_image_not_its_place_in_the_batch() -> None:
    small, large = batches(augment="crop-flip", batch_size=5), batches(augment="crop-flip", batch_size=10)
    by_label = {
        int(label): image for images, labels in small.epoch(1) for image, label in zip(images, labels, strict=True)
    }
    for images, labels in large.epoch(1):
        for image, label in zip(images, labels, strict=True):
            assert torch.equal(image, by_label[int(label)])


def test_augmentation_changes_from_epoch_to_epoch() -> None:
    loader = batches(augment="crop-flip", shuffle=False)
    first, second = next(iter(loader.epoch(0)))[0], next(iter(loader.epoch(1)))[0]
    assert not torch.equal(first, second)


def test_evaluation_gives_every_image_once_in_order_in_any_parts() -> None:
    split = numbered(17)
    data = ImageClasses(
        name="n", classes=("a",), train=split, validation=split, test=split, mean=(0.5,) * 3, std=(0.2,) * 3
    )
    loader = evaluation_batches(split, data, DatasetSpec(eval_batch_size=8))
    assert labels_of(loader.epoch(0)) == list(range(17))
    shared = [labels_of(loader.epoch(0, part=part, parts=3)) for part in range(3)]
    assert sorted(label for labels in shared for label in labels) == list(range(17))
    train = training_batches(data, DatasetSpec(batch_size=4, augment="flip"), seed=3)
    assert (train.batch_size, train.seed, train.augment, train.shuffle) == (4, 3, "flip", True)


def test_the_state_tells_data_and_settings_apart() -> None:
    assert batches().state() == batches().state()
    changed = [
        batches(seed=2),
        batches(batch_size=4),
        batches(augment="flip"),
        batches(numbered(49)),
        batches(drop_last=False),
    ]
    assert all(other.state() != batches().state() for other in changed)
    relabelled = Split(numbered().images, numbered().labels[::-1].copy())
    assert batches(relabelled).state() != batches().state()


def test_refusals_name_the_value_and_the_way_out() -> None:
    with pytest.raises(
        ConfigError, match=r"batch_size 8 cannot be shared equally by 3 parts.*multiple of 3, such as 9"
    ):
        batches().epoch(0, parts=3)
    with pytest.raises(ConfigError, match="last batch has 2 of 50 images, too few for 4 parts"):
        batches(drop_last=False).epoch(0, parts=4)
    with pytest.raises(ConfigError, match="an epoch has 6 steps"):
        batches().epoch(0, start=7)
    with pytest.raises(ConfigError, match="part 2 of 2"):
        batches().epoch(0, part=2, parts=2)
    with pytest.raises(DataError, match="no images"):
        batches(numbered().chosen(np.arange(0)))
    with pytest.raises(ConfigError, match="mean and std need 3 values"):
        batches(mean=(0.5,))
    with pytest.raises(ConfigError, match="above 0"):
        batches(std=(0.1, 0.0, 0.1))
    with pytest.raises(ConfigError, match="batch_size = 0"):
        batches(batch_size=0)
