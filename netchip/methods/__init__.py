"""The methods. `METHODS` is the one line that lists them; each room's `__init__` describes itself without importing torch."""

import difflib
import importlib

from netchip.errors import ConfigError
from netchip.methods.method import Method

METHODS = ("early_bird", "smart_exchange", "fractional_skipping", "autogan_distiller", "dna")


def all_methods() -> tuple[Method, ...]:
    """Every method, in the order of `METHODS`."""
    return tuple(importlib.import_module(f"{__name__}.{room}").METHOD for room in METHODS)


def find_method(name: str) -> Method:
    """The method called `name`, such as "early-bird"; raises `ConfigError` that lists the names there are."""
    methods = {method.name: method for method in all_methods()}
    if name not in methods:
        close = difflib.get_close_matches(name, methods, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(methods)}"
        raise ConfigError(f"no method is called {name!r}; {hint}")
    return methods[name]
