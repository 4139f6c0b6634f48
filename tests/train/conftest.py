"""The tiny training of this room, as a module."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """`tiny_training.py`, loaded."""
    spec = importlib.util.spec_from_file_location("tiny_training", Path(__file__).parent / "tiny_training.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["tiny_training"] = module
    spec.loader.exec_module(module)
    return module
