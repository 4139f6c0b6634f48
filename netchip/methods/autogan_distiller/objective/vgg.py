"""VGG-16 and VGG-19 as backbones (arXiv 1409.1556), from a file of weights that the user has: torchvision's layout.

The paper's translation objective looks at four layers of VGG-16 and feeds it pixels of 0..1 as they are
(`normalized=False`); its super-resolution objective at conv5_4 of VGG-19 before the activation, normalised as torchvision's
weights expect.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError, DataError
from netchip.methods.autogan_distiller.objective.backbone import check_layers, check_pictures, load_frozen
from netchip.train.saving import load_state

_STAGES = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LEAST_SIZE = 16  # pixels: four pools lie before the last stage


class VGG(nn.Module):
    """The convolutions of VGG-16 or VGG-19; as a `Backbone` its layers are "conv1_1", "relu1_1" to the last relu."""

    mean: Tensor
    std: Tensor

    def __init__(self, depth: int, *, normalized: bool = True) -> None:
        super().__init__()
        if depth not in _STAGES:
            raise ConfigError(f"VGG of depth {depth}: there are 16 and 19")
        self.depth, self._normalized = depth, normalized
        layers: list[nn.Module] = []
        names: list[str] = []
        channels = 3
        for stage, (count, width) in enumerate(zip(_STAGES[depth], _WIDTHS, strict=True), start=1):
            for index in range(1, count + 1):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                names += [f"conv{stage}_{index}", f"relu{stage}_{index}"]
                channels = width
            layers.append(nn.MaxPool2d(2))
            names.append(f"pool{stage}")
        self.features_ = nn.Sequential(*layers)
        self._names = tuple(names)
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).reshape(1, 3, 1, 1), persistent=False)

    @classmethod
    def from_file(cls, path: str | Path, depth: int, *, normalized: bool = True) -> "VGG":
        """The network with the weights in `path` (safetensors, or a torch file that holds tensors only), frozen."""
        state = {name.replace("features.", "features_.", 1): value for name, value in _read(Path(path)).items()}
        network = cls(depth, normalized=normalized)
        load_frozen(network, state, str(path))
        return network

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the features, in their order; pools are not among them."""
        return tuple(name for name in self._names if not name.startswith("pool"))

    def features(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The features of `images` [B, 3, H, W], RGB in 0..1, at each of `layers`; runs no further than the last of them."""
        check_layers(self, layers)
        check_pictures(images, LEAST_SIZE, f"VGG-{self.depth}")
        found: dict[str, Tensor] = {}
        x = (images - self.mean) / self.std if self._normalized else images
        for name, module in zip(self._names, self.features_, strict=True):
            if len(found) == len(set(layers)):
                break
            x = module(x)
            if name in layers:
                found[name] = x
        return found


def _read(path: Path) -> dict[str, Any]:
    if path.suffix == ".safetensors" or not path.is_file():
        return load_state(path)
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, ValueError, TypeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}: cannot be read as a file of tensors ({reason}); convert it to safetensors") from None
