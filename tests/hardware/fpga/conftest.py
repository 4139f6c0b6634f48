"""Layers and chunks as tests write them."""

from collections.abc import Callable
from typing import Any

import pytest

from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape


def conv_of(name: str = "conv", *, bits: int = 16, **shape: Any) -> Layer:
    given = {"in_channels": 5, "out_channels": 10, "in_size": (13, 13), "kernel": (3, 3)} | shape
    given.setdefault("padding", (given["kernel"][0] // 2, given["kernel"][1] // 2))
    return Layer(name, LayerShape.conv(**given), precision=Precision(weight_bits=bits, input_bits=bits))


@pytest.fixture
def conv() -> Callable[..., Layer]:
    return conv_of
