"""A backbone: a trained network whose named inner features say how alike two pictures look. Any object of this form will do."""

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError, DataError, ModelError


class Backbone(Protocol):
    """Named features of pictures. It is never trained, and gradients pass through it to the pictures."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The names that `features` knows, first layer first."""
        ...

    def features(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The features [B, C, h, w] of `images` [B, 3, H, W], values 0..1, at each of `layers`."""
        ...

    def to(self, device: torch.device) -> Self:
        """Itself on `device`."""
        ...


def check_layers(backbone: Backbone, layers: Sequence[str]) -> None:
    """Raises `ConfigError` for a name that `backbone` does not know."""
    unknown = [name for name in layers if name not in backbone.layers]
    if unknown:
        raise ConfigError(f"the backbone has no layer {unknown[0]!r}; it has {', '.join(backbone.layers)}")


def check_pictures(images: Tensor, least: int, name: str) -> None:
    """Raises `DataError` unless `images` are [B, 3, H, W] with sides of at least `least` pixels."""
    if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < least:
        raise DataError(
            f"{name} looks at pictures [B, 3, H, W] of at least {least}x{least} pixels, found {list(images.shape)}; "
            "use larger crops, or leave the perceptual and Gram terms out"
        )


def load_frozen(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Gives `network` the weights in `state` (entries it does not have are ignored), in eval mode, never to be trained.

    Raises `ModelError` that names `source` and the first weight that is missing or of another shape.
    """
    for name, own in network.state_dict().items():
        found = state.get(name)
        if found is None or found.shape != own.shape:
            there = "nothing" if found is None else "x".join(map(str, found.shape))
            raise ModelError(
                f"{source}: {name} should be {'x'.join(map(str, own.shape))}, the file holds {there}; "
                "it is not a file of this network's weights under torchvision's names"
            )
    network.load_state_dict({name: state[name].float() for name in network.state_dict()})
    network.requires_grad_(False).eval()
