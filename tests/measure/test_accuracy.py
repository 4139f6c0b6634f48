"""Accuracy, worked out by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from netchip.data.batches import Batches
from netchip.data.images import Split
from netchip.measure.accuracy import accuracy_percent


class Constant(nn.Module):
    """Says class 1 to every image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.tensor([0.0, 1.0, 0.0]).expand(len(images), 3)


def test_accuracy_is_hits_over_images_and_no_mean_over_batches() -> None:
    """Seven images in batches of 4 and 3: three hits in the first, none in the second; a mean of batches would say 37.5."""
    labels = np.array([1, 1, 1, 0, 0, 2, 2], dtype=np.int64)
    split = Split(np.zeros((7, 1, 2, 2), dtype=np.uint8), labels)
    test = Batches(split, batch_size=4, seed=0, mean=(0.5,), std=(1.0,), shuffle=False, drop_last=False)
    assert accuracy_percent(Constant(), test) == pytest.approx(100 * 3 / 7)
