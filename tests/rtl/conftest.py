"""Layers, and clocked parts, as tests of the chip write them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from netchip.rtl.reference import IntegerLayer
from netchip.workload.shape import LayerShape

WITHOUT = "describing hardware needs Amaranth: pip install 'netchip[rtl]'"


def random_layer(random: np.random.Generator, shape: LayerShape, *, bits: int = 8, **others: Any) -> IntegerLayer:
    """Random weights; scales that spread the outputs over their range."""
    half, filters = 2 ** (bits - 1), shape.total_out_channels
    size = (filters, shape.in_channels, shape.kernel_height, shape.kernel_width)
    weights = torch.from_numpy(random.integers(-half, half, size))
    bias = torch.from_numpy(random.integers(-(2 ** (bits + 4)), 2 ** (bits + 4), filters))
    spread = half * half / 3 * np.sqrt(np.prod(size[1:]))
    scales = torch.from_numpy((half / 2 / spread * random.uniform(0.5, 1.5, filters)).astype(np.float32))
    widths = {"weight_bits": bits, "input_bits": bits, "output_bits": bits}
    return IntegerLayer.scaled(shape, weights, bias, scales, **widths, **others)


def random_inputs(random: np.random.Generator, layer: IntegerLayer) -> torch.Tensor:
    """Random inputs over their whole range."""
    half, shape = 2 ** (layer.input_bits - 1), layer.shape
    size = (shape.total_in_channels, shape.in_height, shape.in_width)
    return torch.from_numpy(random.integers(-half, half, size))


@pytest.fixture
def layer_of() -> Callable[..., IntegerLayer]:
    return random_layer


@pytest.fixture
def inputs_of() -> Callable[..., torch.Tensor]:
    return random_inputs


@pytest.fixture
def clocked() -> Callable[[Any, Callable[..., Any]], None]:
    """Runs an async bench, which is given the simulator's context, on a part with one clock."""
    simulation = pytest.importorskip("amaranth.sim", reason=WITHOUT)

    def run(part: Any, bench: Callable[..., Any]) -> None:
        simulator = simulation.Simulator(part)
        simulator.add_clock(1e-6, if_exists=True)
        simulator.add_testbench(bench)
        simulator.run()

    return run
