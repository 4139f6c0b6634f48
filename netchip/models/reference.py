"""Networks of the user's own: `path/file.py:function` or `package.module:function`, called without arguments."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from netchip.errors import ModelError


def is_reference(name: str) -> bool:
    """Whether `name` has the form of a reference to a function."""
    return ":" in name


def referenced(name: str) -> nn.Module:
    """The network that the function (or class) `name` refers to returns. Raises `ModelError` that says what went wrong."""
    place, _, function = name.rpartition(":")
    if not place or not function.isidentifier():
        raise ModelError(f"{name!r}: write path/file.py:function or package.module:function")
    maker = _function(_module(place, name), function, name)
    try:
        network = maker()
    except Exception as error:
        raise ModelError(f"{name}: calling {function}() failed with {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise ModelError(f"{name}: {function}() returned {type(network).__name__}, not a torch.nn.Module")
    return network


def _module(place: str, name: str) -> ModuleType:
    try:
        return _from_file(Path(place).expanduser(), name) if place.endswith(".py") else importlib.import_module(place)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{name}: importing {place} failed with {type(error).__name__}: {error}") from error


def _from_file(path: Path, name: str) -> ModuleType:
    if not path.is_file():
        raise ModelError(f"{name}: there is no file {path}; give its path from here, or an absolute one")
    title = f"netchip_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(title, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{name}: {path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[title] = module
    spec.loader.exec_module(module)
    return module


def _function(module: ModuleType, function: str, name: str) -> Callable[[], Any]:
    maker = getattr(module, function, None)
    if not callable(maker):
        there = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise ModelError(f"{name}: {module.__name__} has no function {function!r}; it has: {', '.join(there) or 'none'}")
    return maker
