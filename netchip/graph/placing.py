"""Examples follow their model: training moves a network to a GPU, the example it was analysed with stays where it was made."""

import itertools
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree


def placed(example: Any, model: nn.Module) -> Any:
    """`example` with every tensor in it on the device of `model`; as it is when the model is on no device or on several."""
    devices = {tensor.device for tensor in itertools.chain(model.parameters(), model.buffers())}
    if len(devices) != 1:
        return example
    [device] = devices
    return pytree.tree_map_only(torch.Tensor, lambda tensor: tensor.to(device), example)
