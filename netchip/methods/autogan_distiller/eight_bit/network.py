"""A whole network at 8 bits: each of its convolutions put on grids, in training, and stored."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from netchip.errors import ModelError
from netchip.methods.autogan_distiller.eight_bit.layers import Convolution, StoredConvolution, TrainedConvolution


def to_train(network: nn.Module) -> nn.Module:
    """A copy of `network`, in training mode, each convolution of which runs at 8 bits. Raises `ModelError` where it has none."""
    return replaced(copy.deepcopy(network), nn.Conv2d | nn.ConvTranspose2d, TrainedConvolution).train()


def to_store(network: nn.Module) -> nn.Module:
    """A copy of what `to_train` gave, on the CPU in eval mode, that holds int8 weights and answers bit for bit alike."""
    return replaced(copy.deepcopy(network).cpu(), TrainedConvolution, StoredConvolution.taken).eval()


def empty_store(network: nn.Module) -> nn.Module:
    """A copy of a float `network` in the form that `to_store` gives, for a state to be loaded into."""
    return replaced(copy.deepcopy(network), nn.Conv2d | nn.ConvTranspose2d, StoredConvolution).eval()


@torch.no_grad()
def calibrate(network: nn.Module, images: Tensor) -> None:
    """Sets each step that is not set yet by `images` [B, C, H, W], each on what the layers before it make at 8 bits."""
    network.train()  # in which a step that was never set is set by the first batch
    network(images)


def in_floats(network: nn.Module) -> nn.Module:
    """A copy of a stored network with plain convolutions, which hold the weights that its levels stand for."""
    return replaced(copy.deepcopy(network), StoredConvolution, _plain).eval()


def replaced(network: nn.Module, kind: type | object, make: Callable[..., nn.Module]) -> nn.Module:
    """`network` itself, with `make(layer)` in the place of each layer of a kind."""
    found = {name: each for name, each in network.named_modules() if isinstance(each, kind)}  # pyright: ignore[reportArgumentType]
    found = {name: each for name, each in found.items() if name}
    if not found:
        raise ModelError(
            f"a {type(network).__name__} has no convolution inside it to run at 8 bits; give another network"
        )
    for name, layer in found.items():
        parent, _, own = name.rpartition(".")
        setattr(network.get_submodule(parent), own, make(layer))
    return network


def _plain(layer: StoredConvolution) -> Convolution:
    plain = copy.deepcopy(layer.convolution)
    with torch.no_grad():
        plain.weight.copy_(layer.weight())
        if plain.bias is not None:
            plain.bias.copy_(layer.get_buffer("bias"))
    return plain
