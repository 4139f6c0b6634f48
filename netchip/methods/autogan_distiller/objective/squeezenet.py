"""SqueezeNet v1.0 as a backbone (Iandola et al., arXiv 1602.07360): small, and trained on ImageNet as Caffe's release.

Its layers have torchvision's names. The published weights expect BGR pixels of 0..255 minus Caffe's mean.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from netchip.methods.autogan_distiller.objective.backbone import check_layers, check_pictures, load_frozen
from netchip.train.saving import load_state

CAFFE_MEAN_BGR = (104.0, 117.0, 123.0)
LEAST_SIZE = 21  # pixels; below it the last pool would have nothing to pool
_FIRES = (
    (96, 16, 64),
    (128, 16, 64),
    (128, 32, 128),
    (256, 32, 128),
    (256, 48, 192),
    (384, 48, 192),
    (384, 64, 256),
    (512, 64, 256),
)
_POOL_BEFORE = (0, 3, 7)  # fires that follow a pool


class Fire(nn.Module):
    """A 1x1 convolution that squeezes, then 1x1 and 3x3 ones that expand, side by side."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, h, w] -> [B, 2 expanded, h, w]."""
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet v1.0 with its classifier; as a `Backbone` its layers are "relu1" and "fire2" to "fire9"."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 96, 7, stride=2), nn.ReLU()]
        for index, sizes in enumerate(_FIRES):
            if index in _POOL_BEFORE:
                layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
            layers.append(Fire(*sizes))
        self.features_ = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, 1000, 1))
        self.register_buffer("mean", torch.tensor(CAFFE_MEAN_BGR).reshape(1, 3, 1, 1), persistent=False)

    @classmethod
    def from_file(cls, path: str | Path) -> "SqueezeNet":
        """The network with the weights in the safetensors file `path`, frozen.

        Raises `DataError` for a file that cannot be read, `ModelError` for one that holds other weights.
        """
        state = {name.replace("features.", "features_.", 1): value for name, value in load_state(path).items()}
        network = cls()
        load_frozen(network, state, str(path))
        return network

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the features, in their order."""
        return ("relu1", *(f"fire{index + 2}" for index in range(len(_FIRES))))

    def features(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The features of `images` [B, 3, H, W], RGB in 0..1, at each of `layers`; runs no further than the last of them."""
        check_layers(self, layers)
        check_pictures(images, LEAST_SIZE, "SqueezeNet")
        found: dict[str, Tensor] = {}
        names = iter(self.layers)
        x = self._prepared(images)
        for module in self.features_:
            if len(found) == len(set(layers)):
                break
            x = module(x)
            if isinstance(module, nn.ReLU | Fire) and (name := next(names)) in layers:
                found[name] = x
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Scores [B, 1000] of ImageNet's classes for `images` [B, 3, H, W], RGB in 0..1."""
        return self.classifier(self.features_(self._prepared(images))).relu().mean((2, 3))

    def _prepared(self, images: Tensor) -> Tensor:
        return 255.0 * images.flip(1) - self.mean
