"""Batches whose order and augmentation are pure functions of (seed, epoch, index): restart is resume, ranks agree."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from netchip.data.augment import Augment, augmented
from netchip.data.images import ImageClasses, Split
from netchip.data.spec import DatasetSpec
from netchip.data.streams import permutation, random_words
from netchip.errors import ConfigError, DataError

_ORDER, _AUGMENT = 0, 1  # last part of a random key


class Batches:
    """Batches of a split, normalised with `mean` and `std` (a channel's, pixels scaled to [0, 1]).

    `drop_last` leaves out the last, partial batch of an epoch; a split smaller than one batch gives one batch of all.
    Raises `DataError` for an empty split and `ConfigError` for settings that do not fit.

    >>> train = Batches(data.train, batch_size=128, seed=1, mean=data.mean, std=data.std, augment="crop-flip")
    >>> for images, labels in train.epoch(0): ...   # float32 [128, 3, 32, 32], int64 [128]
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        seed: int,
        mean: Sequence[float],
        std: Sequence[float],
        augment: Augment = "none",
        shuffle: bool = True,
        drop_last: bool = True,
    ) -> None:
        _check(split, batch_size, seed, mean, std)
        self.split = split
        self.batch_size = batch_size
        self.seed = seed
        self.augment: Augment = augment
        self.shuffle = shuffle
        self.drop_last = drop_last and len(split) >= batch_size
        means, deviations = (np.asarray(values, dtype=np.float64).reshape(-1, 1, 1) for values in (mean, std))
        self._scale = (1 / (255 * deviations)).astype(np.float32)
        self._shift = (-means / deviations).astype(np.float32)

    def __len__(self) -> int:
        """Steps in an epoch."""
        whole, rest = divmod(len(self.split), self.batch_size)
        return whole if self.drop_last or rest == 0 else whole + 1

    @property
    def images_per_epoch(self) -> int:
        """Images that one epoch gives, over all parts."""
        return min(len(self) * self.batch_size, len(self.split))

    def epoch(self, epoch: int, *, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch from step `start` on: images float32 [B, C, H, W], labels int64 [B].

        `part` of `parts` takes that equal, contiguous slice of every batch, so that the union of the parts is the
        batch that one process would see. In evaluation (no shuffle) a part skips a last batch that is too small for it.
        """
        self._check_epoch(epoch, start, part, parts)
        return self._steps(epoch, start, part, parts)

    def state(self) -> dict[str, int | bool | str]:
        """What a resumed run must find unchanged for its batches to be the same."""
        return {
            "length": len(self.split),
            "labels_crc32": zlib.crc32(self.split.labels.tobytes()),
            "batch_size": self.batch_size,
            "seed": self.seed,
            "augment": self.augment,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
        }

    def order(self, epoch: int) -> np.ndarray:
        """The indices of the split in the order of an epoch (int64 [N])."""
        length = len(self.split)
        return permutation(length, self.seed, epoch, _ORDER) if self.shuffle else np.arange(length)

    def _steps(self, epoch: int, start: int, part: int, parts: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = self.order(epoch)
        words = random_words(len(self.split), self.seed, epoch, _AUGMENT)
        for step in range(start, len(self)):
            batch = order[step * self.batch_size : (step + 1) * self.batch_size]
            chosen = batch[len(batch) * part // parts : len(batch) * (part + 1) // parts]
            if len(chosen):
                yield self._batch(chosen, words[chosen])

    def _batch(self, chosen: np.ndarray, words: np.ndarray) -> tuple[Tensor, Tensor]:
        # NumPy, not torch: on a busy machine torch's threads wait for each other longer than the work takes.
        images = augmented(self.split.images[chosen], words, self.augment).astype(np.float32, order="C")
        images *= self._scale
        images += self._shift
        return torch.from_numpy(images), torch.from_numpy(self.split.labels[chosen])

    def _check_epoch(self, epoch: int, start: int, part: int, parts: int) -> None:
        if epoch < 0 or not 0 <= start <= len(self):
            raise ConfigError(f"epoch {epoch}, step {start}: epochs count from 0, and an epoch has {len(self)} steps")
        if parts < 1 or not 0 <= part < parts:
            raise ConfigError(f"part {part} of {parts}: parts count from 0 and there is at least one")
        if not self.shuffle:
            return
        if self.batch_size % parts:
            raise ConfigError(
                f"batch_size {self.batch_size} cannot be shared equally by {parts} parts (ranks x accumulate); "
                f"use a multiple of {parts}, such as {-(-self.batch_size // parts) * parts}"
            )
        smallest = self.batch_size if self.drop_last else (len(self.split) % self.batch_size or self.batch_size)
        if smallest < parts:
            raise ConfigError(
                f"the last batch has {smallest} of {len(self.split)} images, too few for {parts} parts "
                "(ranks x accumulate); use fewer parts, another batch_size or drop_last"
            )


def training_batches(data: ImageClasses, spec: DatasetSpec, *, seed: int) -> Batches:
    """The shuffled, augmented batches of the train part."""
    return Batches(
        data.train, batch_size=spec.batch_size, seed=seed, mean=data.mean, std=data.std, augment=spec.augment
    )


def evaluation_batches(split: Split, data: ImageClasses, spec: DatasetSpec) -> Batches:
    """Every image of `split` once, in order and unchanged, normalised as the train part of `data` is."""
    size = spec.eval_batch_size
    return Batches(split, batch_size=size, seed=0, mean=data.mean, std=data.std, shuffle=False, drop_last=False)


def _check(split: Split, batch_size: int, seed: int, mean: Sequence[float], std: Sequence[float]) -> None:
    if len(split) == 0:
        raise DataError("the split has no images, so there are no batches of it")
    if batch_size < 1 or seed < 0:
        raise ConfigError(f"batch_size = {batch_size}, seed = {seed}: batch_size must be >= 1 and seed >= 0")
    channels = split.images.shape[1]
    if len(mean) != channels or len(std) != channels:
        raise ConfigError(f"mean and std need {channels} values, one a channel; found {len(mean)} and {len(std)}")
    if min(std) <= 0:
        raise ConfigError(f"std = {list(std)}: every channel's standard deviation must be above 0")
