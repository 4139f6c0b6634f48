"""Batches of crops, with the teacher's targets or without: order and augmentation are functions of (seed, epoch, index) alone."""

import zlib
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from netchip.data.streams import permutation, random_words
from netchip.errors import ConfigError, DataError
from netchip.methods.autogan_distiller.images.augment import AugmentName, turned
from netchip.methods.autogan_distiller.images.pictures import to_values

_ORDER, _AUGMENT = 0, 1  # last part of a random key


class TargetReader(Protocol):
    """Answers of a teacher by index of the crop."""

    def __len__(self) -> int:
        """How many crops it has the answers to."""
        ...

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """float32 [len(indices), C, H, W]."""
        ...


class CropBatches:
    """A loader of (inputs, targets), or of (inputs,) where the teacher is asked online.

    Inputs are float32 [B, 3, h, w] with values from `low` to `high`, targets float32 [B, C, H, W]; both are mirrored alike. The
    last, partial batch of an epoch is left out. Raises `DataError` for fewer crops than a batch.
    """

    def __init__(
        self,
        images: np.ndarray,
        targets: TargetReader | None,
        *,
        batch_size: int,
        seed: int,
        low: float = 0.0,
        high: float = 1.0,
        augment: AugmentName = "flip",
        shuffle: bool = True,
        part_name: str = "training",
    ) -> None:
        if len(images) < batch_size:
            raise DataError(
                f"the {part_name} part has {len(images)} crops, fewer than a batch of {batch_size}; add pictures, take more "
                "crops of each (images.crops), or use a smaller images.batch_size"
            )
        if targets is not None and len(targets) != len(images):
            raise DataError(f"{len(targets)} targets for {len(images)} crops: they do not belong together")
        self.images, self.targets = images, targets
        self.batch_size, self.seed, self.low, self.high = batch_size, seed, low, high
        self.augment: AugmentName = augment
        self.shuffle = shuffle

    def __len__(self) -> int:
        """Steps in an epoch."""
        return len(self.images) // self.batch_size

    def epoch(self, epoch: int, *, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[tuple[Tensor, ...]]:
        """The batches of `epoch` from step `start` on, each cut down to its slice `part` of `parts`."""
        if self.batch_size % parts:
            raise ConfigError(
                f"batch_size {self.batch_size} cannot be shared equally by {parts} parts (ranks x accumulate)"
            )
        count = len(self.images)
        order = permutation(count, self.seed, epoch, _ORDER) if self.shuffle else np.arange(count)
        words = random_words(len(self.images), self.seed, epoch, _AUGMENT)
        share = self.batch_size // parts
        for step in range(start, len(self)):
            first = step * self.batch_size + part * share
            yield self._batch(order[first : first + share], words)

    def state(self) -> dict[str, Any]:
        """What a resumed run must find unchanged for its batches to be the same."""
        return {
            "length": len(self.images),
            "crops_crc32": zlib.crc32(np.ascontiguousarray(self.images).data),
            "batch_size": self.batch_size,
            "seed": self.seed,
            "augment": self.augment,
            "shuffle": self.shuffle,
            "cached_targets": self.targets is not None,
        }

    def _batch(self, chosen: np.ndarray, words: np.ndarray) -> tuple[Tensor, ...]:
        inputs = turned(self.images[chosen], words[chosen], self.augment)
        values = to_values(inputs, self.low, self.high)
        if self.targets is None:
            return (values,)
        return values, torch.from_numpy(np.ascontiguousarray(turned(self.targets[chosen], words[chosen], self.augment)))


class BothHalves:
    """Batches of the two halves side by side: those of the first, then those of the second, as many steps as the shorter has."""

    def __init__(self, weights: CropBatches, architecture: CropBatches) -> None:
        self.weights, self.architecture = weights, architecture

    def __len__(self) -> int:
        """Steps in an epoch."""
        return min(len(self.weights), len(self.architecture))

    def epoch(self, epoch: int, *, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[tuple[Tensor, ...]]:
        """(inputs, [targets,] inputs, [targets]): the first half's, then the second's."""
        each = (half.epoch(epoch, start=start, part=part, parts=parts) for half in (self.weights, self.architecture))
        for step, (first, second) in enumerate(zip(*each, strict=False), start=start):
            if step < len(self):
                yield (*first, *second)

    def state(self) -> dict[str, Any]:
        """Those of both halves."""
        halves = {"weights": self.weights, "architecture": self.architecture}
        return {f"{name} {key}": value for name, half in halves.items() for key, value in half.state().items()}
