"""The training part in two disjoint halves: one for the weights, one for the choices."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from netchip.data.batches import Batches
from netchip.data.images import ImageClasses, Split
from netchip.data.spec import DatasetSpec
from netchip.data.splits import take


class Halves:
    """Batches of both halves side by side, as many steps as the shorter has: images, labels, the other images, their labels."""

    def __init__(self, weights: Batches, choices: Batches) -> None:
        self.weights, self.choices = weights, choices

    def __len__(self) -> int:
        """Steps in an epoch."""
        return min(len(self.weights), len(self.choices))

    def epoch(self, epoch: int, *, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[tuple[Tensor, ...]]:
        """The batches of `epoch` from index `start` on, each cut down to its slice `part` of `parts`."""
        each = (half.epoch(epoch, start=start, part=part, parts=parts) for half in (self.weights, self.choices))
        for step, (own, others) in enumerate(zip(*each, strict=False), start=start):
            if step < len(self):
                yield (*own, *others)

    def state(self) -> dict[str, Any]:
        """Those of both halves."""
        halves = {"weights": self.weights, "choices": self.choices}
        return {f"{name} {key}": value for name, half in halves.items() for key, value in half.state().items()}


def halved(data: ImageClasses, spec: DatasetSpec, *, seed: int) -> Halves:
    """The halves of the training part, stratified and fixed by the split's seed; augmented as training is."""
    first, second = take(data.train.labels, len(data.train) // 2)
    return Halves(
        _batches(data.train.chosen(first), data, spec, seed), _batches(data.train.chosen(second), data, spec, seed + 1)
    )


def _batches(split: Split, data: ImageClasses, spec: DatasetSpec, seed: int) -> Batches:
    return Batches(split, batch_size=spec.batch_size, seed=seed, mean=data.mean, std=data.std, augment=spec.augment)
