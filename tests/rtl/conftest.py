"""Layers and chunks as tests of the chip write them."""

from typing import Any

import numpy as np
import torch

from netchip.rtl.reference import IntegerLayer
from netchip.workload.shape import LayerShape


def layer_of(random: np.random.Generator, shape: LayerShape, *, bits: int = 8, **others: Any) -> IntegerLayer:
    """Random weights; scales that spread the outputs over their range."""
    half, filters = 2 ** (bits - 1), shape.total_out_channels
    size = (filters, shape.in_channels, shape.kernel_height, shape.kernel_width)
    weights = torch.from_numpy(random.integers(-half, half, size))
    bias = torch.from_numpy(random.integers(-(2 ** (bits + 4)), 2 ** (bits + 4), filters))
    spread = half * half / 3 * np.sqrt(np.prod(size[1:]))
    scales = torch.from_numpy((half / 2 / spread * random.uniform(0.5, 1.5, filters)).astype(np.float32))
    return IntegerLayer.scaled(
        shape, weights, bias, scales, weight_bits=bits, input_bits=bits, output_bits=bits, **others
    )


def inputs_of(random: np.random.Generator, layer: IntegerLayer) -> torch.Tensor:
    """Random inputs over their whole range."""
    half, shape = 2 ** (layer.input_bits - 1), layer.shape
    return torch.from_numpy(
        random.integers(-half, half, (shape.total_in_channels, shape.in_height, shape.in_width))
    )
