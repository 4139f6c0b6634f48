"""How many test images a classifier gets right."""

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn


class Labelled(Protocol):
    """Batches of images and labels, the same ones in every epoch."""

    def epoch(self, epoch: int) -> Iterable[tuple[Tensor, Tensor]]:
        """The batches."""
        ...


def accuracy_percent(network: nn.Module, test: Labelled) -> float:
    """Share of the test images whose class is right, in per cent: hits over images, not a mean over batches."""
    network.eval()
    hits = images_seen = 0
    with torch.inference_mode():
        for images, labels in test.epoch(0):
            hits += int((network(images).argmax(1) == labels).sum())
            images_seen += len(labels)
    return 100.0 * hits / images_seen
