"""The terms of the distillation objective, each a pure function of pictures or features."""

import torch
from torch import Tensor


def gram(features: Tensor) -> Tensor:
    """F F^T / (C H W) of features [B, C, H, W]: [B, C, C], which channels fire together (Gatys et al., arXiv 1508.06576)."""
    batch, channels, height, width = features.shape
    rows = features.reshape(batch, channels, height * width)
    return rows @ rows.mT / (channels * height * width)


def gram_distance(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of the Gram matrices of two features [B, C, H, W]."""
    return (gram(output) - gram(target)).square().mean()


def absolute_distance(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of two tensors of one shape."""
    return (output - target).abs().mean()


def total_variation(images: Tensor) -> Tensor:
    """Sum of the absolute differences to the neighbour below and to the right, of images [B, C, H, W], over the whole batch."""
    down = (images[..., 1:, :] - images[..., :-1, :]).abs().sum()
    right = (images[..., :, 1:] - images[..., :, :-1]).abs().sum()
    return torch.add(down, right)
