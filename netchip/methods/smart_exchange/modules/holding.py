"""A module whose parameter is held packed: a subclass made on the spot, where the parameter's name gives the rebuilt weight.

The module keeps its forward, its other parameters and its type for `isinstance`; copying and pickling work as for any module.
"""

from functools import cache
from typing import Any

from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.modules.packed_weight import PackedWeight

_PREFIX = "packed_"


def hold_packed(module: nn.Module, key: str, held: PackedWeight) -> None:
    """Takes the parameter `key` out of `module`; from now on it is what `held` rebuilds, in each access anew."""
    del module._parameters[key]
    module.add_module(_PREFIX + key, held)
    base, keys = _base_and_keys(type(module))
    module.__class__ = _class_that_rebuilds(base, (*keys, key))


def check_can_hold(module: nn.Module, key: str) -> None:
    """Raises `ConfigError` for recurrent layers, which keep a list of their own of all weights."""
    if isinstance(module, nn.RNNBase):
        raise ConfigError(
            f"{type(module).__name__} keeps its weights in a list of its own, so {key} cannot be rebuilt in each forward pass; "
            "leave it out by skip=, and it is rebuilt once"
        )


def _base_and_keys(made: type[nn.Module]) -> tuple[type[nn.Module], tuple[str, ...]]:
    return getattr(made, "_base_and_keys", (made, ()))


@cache
def _class_that_rebuilds(base: type[nn.Module], keys: tuple[str, ...]) -> type[nn.Module]:
    """The subclass of `base` in which each of `keys` is rebuilt."""
    members: dict[str, Any] = {key: property(_rebuilt(key)) for key in keys}
    members |= {"_base_and_keys": (base, keys), "__reduce_ex__": _reduced, "__module__": base.__module__}
    return type(f"Packed{base.__name__}", (base,), members)


def _rebuilt(key: str) -> Any:
    def rebuilt(module: nn.Module) -> Tensor:
        return module._modules[_PREFIX + key]()  # pyright: ignore[reportOptionalCall]

    return rebuilt


def _reduced(module: nn.Module, protocol: Any) -> tuple[Any, ...]:
    """For copy and pickle, which find no class made on the spot by its name."""
    return _blank, _base_and_keys(type(module)), module.__dict__


def _blank(base: type[nn.Module], keys: tuple[str, ...]) -> nn.Module:
    made = _class_that_rebuilds(base, keys)
    return made.__new__(made)
