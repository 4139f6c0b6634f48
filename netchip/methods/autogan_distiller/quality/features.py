"""Distances in the features of a backbone. Over SqueezeNet they are neither LPIPS nor FID nor KID, and are never called so."""

import torch
from torch import Tensor

from netchip.errors import DataError
from netchip.methods.autogan_distiller.objective.backbone import Backbone


def feature_distance(backbone: Backbone, first: Tensor, second: Tensor, layers: tuple[str, ...] | None = None) -> float:
    """How far two sets of pictures [B, 3, H, W] in 0..1 look apart, pair by pair: 0 for equal ones.

    At each layer, features are scaled to length 1 at every place; their squared differences are summed over channels, averaged
    over places and pictures, and summed over `layers` (all of them by default). The form of LPIPS without its learned weights.
    """
    layers = layers or backbone.layers
    with torch.no_grad():
        one, other = backbone.features(first, layers), backbone.features(second, layers)
    return float(sum((_unit(one[name]) - _unit(other[name])).square().sum(1).mean() for name in layers))


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy of two sets of features [N, D] and [M, D], under the kernel (x.y / D + 1)^3.

    What KID is over Inception features (Binkowski et al., arXiv 1801.01401). It may fall below 0 for sets that are alike.
    """
    if min(len(first), len(second)) < 2 or first.shape[1] != second.shape[1]:
        raise DataError(
            f"features of {list(first.shape)} and {list(second.shape)} cannot be compared; give two pictures or more a set"
        )
    x, y = first.double(), second.double()
    xx, yy, xy = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    n, m = len(x), len(y)
    within_x = (xx.sum() - xx.diagonal().sum()) / (n * (n - 1))
    within_y = (yy.sum() - yy.diagonal().sum()) / (m * (m - 1))
    return float(within_x + within_y - 2 * xy.mean())


@torch.no_grad()
def pooled_features(backbone: Backbone, images: Tensor, layer: str | None = None) -> Tensor:
    """Features [B, D] of pictures [B, 3, H, W] in 0..1: those of `layer` (the last by default), averaged over places."""
    name = layer or backbone.layers[-1]
    return backbone.features(images, (name,))[name].mean((2, 3))


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.mT / x.shape[1] + 1) ** 3
