"""What DNA could do with a network of a user's own: find the accelerator for its layers, where engines run them."""

import warnings
from typing import Any

import torch
from torch import nn

from netchip.errors import NetchipError, NetchipWarning
from netchip.graph.to_workload import to_workload
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.methods.method import Treatment


def treatment(model: nn.Module, example: Any) -> Treatment:
    """The convolutions and linear layers that the best accelerator is found for (mode "accelerator"); the network stays."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NetchipWarning)  # what is not counted is said below
            workload = to_workload(model, example[:1] if isinstance(example, torch.Tensor) else example)
        layers = workload.layers
        LayerTable.of(layers)
    except NetchipError as error:
        return Treatment((), 0, str(error))
    why_not = "the network is not changed: mode 'accelerator' finds the hardware for it, mode 'joint' searches its own"
    if workload.uncounted:
        why_not += f"; not counted, and on no engine: {', '.join(workload.uncounted)}"
    channels = sum(layer.shape.groups * layer.shape.out_channels for layer in layers)
    return Treatment(tuple(layer.name for layer in layers), channels, why_not)
