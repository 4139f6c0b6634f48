"""The weights of a network, with the kind of layer each belongs to."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from netchip.methods.smart_exchange.compression.weight_files import weights_of_file
from netchip.methods.smart_exchange.compression.weights import Weights
from netchip.methods.smart_exchange.training.treated import find_weights
from netchip.train.saving import save_model


def weights_of_model(title: str, model: nn.Module, folder: Path) -> Weights:
    """The parameters and buffers of `model`, written to `folder` as any network of netchip is: tied ones once.

    Each layer's kind tells how its weight is cut into blocks.
    """
    weights = weights_of_file(save_model(model, folder / "model.safetensors"))
    kinds = {name: found for found in find_weights(model)[0] for name in found.names}
    tensors = {
        name: replace(each, kind=kinds[name].kind, groups=kinds[name].groups) if name in kinds else each
        for name, each in weights.tensors.items()
    }
    return replace(weights, title=title, tensors=tensors)
