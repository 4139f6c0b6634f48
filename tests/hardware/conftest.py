"""A small accelerator that every test of the hardware model shares, as plain data and as a value."""

import copy
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from netchip.hardware.accelerator import Accelerator

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "hw_reference"

_SOURCE = "made up for the tests"


def _port(name: str, kind: str, bits: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "bits_per_cycle": bits, **more}


_TINY: dict[str, Any] = {
    "name": "tiny",
    "source": _SOURCE,
    "frequency_hz": 1e9,
    "array": {"D1": 4, "D2": 2},
    "memories": [
        {"name": "reg_w", "bits": 8, "operands": ["W"], "ports": [_port("r", "read", 8), _port("w", "write", 8)]},
        {"name": "reg_o", "bits": 32, "operands": ["O"], "serves": ["D2"], "ports": [_port("rw", "read_write", 32)]},
        {
            "name": "buffer",
            "bits": 4096,
            "operands": ["W", "I", "O"],
            "serves": ["D1", "D2"],
            "ports": [_port("r", "read", 64, least_bits=8), _port("w", "write", 64, least_bits=8)],
        },
        {"name": "dram", "operands": ["W", "I", "O"], "serves": ["D1", "D2"], "ports": [_port("rw", "read_write", 32)]},
    ],
    "energy": {
        "mac": {"pj": 0.5, "source": _SOURCE},
        "memories": {
            "reg_w": {"read_pj": 0.125, "write_pj": 0.25, "source": _SOURCE},
            "reg_o": {"read_pj": 0.25, "write_pj": 0.5, "source": _SOURCE},
            "buffer": {"read_pj": 4.0, "write_pj": 5.0, "source": _SOURCE},
            "dram": {"read_pj": 100.0, "write_pj": 120.0, "source": _SOURCE},
        },
    },
}


@pytest.fixture
def tiny_data() -> dict[str, Any]:
    """Plain data of `tiny`, to be changed at will."""
    return copy.deepcopy(_TINY)


@pytest.fixture
def tiny() -> Accelerator:
    """2 x 4 MACs, a weight register in each, an output register for each pair, a buffer, a DRAM."""
    return Accelerator.parse(_TINY, source="tiny")


@pytest.fixture(scope="session")
def roomy() -> Accelerator:
    """`tiny` with memories that hold every small layer."""
    data = copy.deepcopy(_TINY)
    for memory in data["memories"]:
        memory["bits"] = 10**9
    return Accelerator.parse(data, source="roomy")


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Path]:
    """Path of a file of recorded outputs of other tools; a test that needs it skips where it is absent."""

    def path(name: str) -> Path:
        found = REFERENCE / name
        if not found.exists():
            pytest.skip(f"recorded outputs of other tools ({name}) are not beside the project")
        return found

    return path


@pytest.fixture(scope="session")
def tools() -> ModuleType:
    """`recorded.py`, loaded: the readers of those files."""
    spec = importlib.util.spec_from_file_location("hardware_recorded", Path(__file__).parent / "recorded.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["hardware_recorded"] = module
    spec.loader.exec_module(module)
    return module
