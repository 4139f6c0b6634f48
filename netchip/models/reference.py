"""Networks of the user's own: `path/file.py:function` or `package.module:function`."""

import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from netchip.errors import ModelError
from netchip.models.spec import ModelSpec

_TAKEN_FROM = {
    "classes": "classes",
    "num_classes": "classes",
    "in_channels": "in_channels",
    "in_chans": "in_channels",
    "image_size": "image_size",
    "width": "width",
}
"""Parameter of a user's function -> field of `ModelSpec` that fills it."""


def is_reference(name: str) -> bool:
    """Whether `name` has the form of a reference to a function."""
    return ":" in name


def referenced(spec: ModelSpec) -> nn.Module:
    """The network that the function (or class) `spec.name` refers to returns.

    Those of its parameters that are called classes (or num_classes), in_channels (or in_chans), image_size and width get
    the spec's values; an image_size that the spec leaves open is left to the function. Raises `ModelError` that says what
    went wrong, also when a width is asked for that the function does not take.
    """
    name = spec.name
    place, _, function = name.rpartition(":")
    if not place or not function.isidentifier():
        raise ModelError(f"{name!r}: write path/file.py:function or package.module:function")
    maker = _function(_module(place, name), function, name)
    arguments = _arguments(maker, spec)
    try:
        network = maker(**arguments)
    except Exception as error:  # whatever the user's function raises is theirs to read
        call = f"{function}({', '.join(f'{key}={value}' for key, value in arguments.items())})"
        raise ModelError(f"{name}: calling {call} failed with {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise ModelError(f"{name}: {function}() returned {type(network).__name__}, not a torch.nn.Module")
    return network


def _arguments(maker: Callable[..., Any], spec: ModelSpec) -> dict[str, Any]:
    try:
        parameters = set(inspect.signature(maker).parameters)
    except (TypeError, ValueError):  # some built-in callables have no signature
        parameters = set[str]()
    if spec.width != 1.0 and "width" not in parameters:
        raise ModelError(f"{spec.name}: width = {spec.width} cannot be had, since it takes no parameter 'width'")
    values = {name: getattr(spec, field) for name, field in _TAKEN_FROM.items() if name in parameters}
    return {name: value for name, value in values.items() if value is not None}


def _module(place: str, name: str) -> ModuleType:
    path = Path(place).expanduser()
    if not place.endswith(".py"):
        with _imports_from(Path.cwd(), place, name):
            return importlib.import_module(place)
    if not path.is_file():
        raise ModelError(f"{name}: there is no file {path}; give its path from here, or an absolute one")
    title = f"netchip_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(title, path.resolve())
    if spec is None or spec.loader is None:
        raise ModelError(f"{name}: {path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[title] = module
    with _imports_from(path.resolve().parent, place, name):
        spec.loader.exec_module(module)
    return module


@contextmanager
def _imports_from(folder: Path, place: str, name: str) -> Iterator[None]:
    """Modules in `folder` can be imported too meanwhile; whatever importing raises becomes a `ModelError`."""
    sys.path.append(str(folder))
    try:
        yield
    except Exception as error:  # the user's module may raise anything while it is imported
        raise ModelError(f"{name}: importing {place} failed with {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(folder))


def _function(module: ModuleType, function: str, name: str) -> Callable[..., Any]:
    maker = getattr(module, function, None)
    if isinstance(maker, nn.Module):
        raise ModelError(f"{name}: {function!r} is a network already; name a function that makes a fresh one")
    if not callable(maker):
        there = sorted(key for key, value in vars(module).items() if _makes(value) and not key.startswith("_"))
        close = difflib.get_close_matches(function, there, n=1)
        hint = f"did you mean {close[0]!r}? It has" if close else "it has"
        shown = ", ".join(there[:10]) + (", ..." if len(there) > 10 else "")
        raise ModelError(f"{name}: {module.__name__} has no function {function!r}; {hint}: {shown or 'none'}")
    return maker


def _makes(value: object) -> bool:
    return callable(value) and not isinstance(value, nn.Module)
