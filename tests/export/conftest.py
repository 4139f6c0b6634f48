"""A small accelerator that ZigZag's grammar can say in full, and a workload with every kind of layer it knows."""

import copy
from typing import Any

import pytest

from netchip.hardware.accelerator import Accelerator
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

_SOURCE = "made up for the tests"


def _port(name: str, kind: str, bits: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "bits_per_cycle": bits, **more}


_ALL = {"operands": ["I", "W", "O"], "serves": ["D1", "D2"]}
_SAYABLE: dict[str, Any] = {
    "name": "sayable",
    "source": _SOURCE,
    "frequency_hz": 1e9,
    "array": {"D1": 4, "D2": 4},
    "memories": [
        {
            "name": "reg_w",
            "bits": 64,
            "operands": ["W"],
            "ports": [_port("r_port_1", "read", 8), _port("w_port_1", "write", 8)],
        },
        {
            "name": "reg_o",
            "bits": 64,
            "operands": ["O"],
            "serves": ["D2"],
            "ports": [
                _port("r_port_1", "read", 64, least_bits=16, moves=[("O", "read")]),
                _port("r_port_2", "read", 64, least_bits=16, moves=[("O", "drain")]),
                _port("w_port_1", "write", 64, least_bits=16, moves=[("O", "fill")]),
                _port("w_port_2", "write", 64, least_bits=16, moves=[("O", "update")]),
            ],
        },
        {
            "name": "buffer",
            "bits": 65536,
            "double_buffered": True,
            "ports": [_port("r_port_1", "read", 256, least_bits=8), _port("w_port_1", "write", 128, least_bits=8)],
            **_ALL,
        },
        {"name": "dram", "ports": [_port("rw_port_1", "read_write", 64, least_bits=8)], **_ALL},
    ],
    "energy": {
        "mac": {"pj": 0.0625, "source": _SOURCE},
        "memories": {
            "reg_w": {"read_pj": 0.01, "write_pj": 0.0125, "source": _SOURCE},
            "reg_o": {"read_pj": 0.02, "write_pj": 0.03, "source": _SOURCE},
            "buffer": {"read_pj": 6.0, "write_pj": 7.5, "source": _SOURCE},
            "dram": {"read_pj": 400.0, "write_pj": 420.0, "source": _SOURCE},
        },
    },
}


@pytest.fixture
def sayable_data() -> dict[str, Any]:
    """Plain data of `sayable`, to be changed at will."""
    return copy.deepcopy(_SAYABLE)


@pytest.fixture
def sayable() -> Accelerator:
    """4 x 4 MACs, registers for weights and outputs, a double-buffered buffer, a DRAM without limit."""
    return Accelerator.parse(_SAYABLE, source="sayable")


@pytest.fixture
def network() -> Workload:
    """Padded, strided, dilated, depthwise and 1x1 convolutions, a linear layer and two products of activations."""
    bits = Precision(accumulator_bits=16)
    shapes = {
        "stem": LayerShape.conv(
            in_channels=3, out_channels=8, in_size=(15, 11), kernel=(3, 3), stride=(2, 2), padding=(1, 1)
        ),
        "depthwise": LayerShape.conv(
            in_channels=8, out_channels=8, in_size=(8, 6), kernel=(3, 3), padding=(2, 2), dilation=(2, 2), groups=8
        ),
        "shortcut": LayerShape.conv(in_channels=8, out_channels=10, in_size=(8, 6), kernel=(1, 1), stride=(2, 2)),
        "queries": LayerShape.linear(batch=2, in_features=10, out_features=12, positions=6),
        "scores": LayerShape.matmul(batch=2, rows=6, inner=12, columns=6),
        "values": LayerShape.matmul(batch=2, rows=6, inner=6, columns=12),
    }
    edges = (("stem", "depthwise"), ("depthwise", "shortcut"), ("shortcut", "queries"), ("queries", "scores"))
    layers = tuple(Layer(name, shape, precision=bits) for name, shape in shapes.items())
    return Workload(layers, (*edges, ("queries", "values"), ("scores", "values")))
