"""Twins of a module: the same object graph, parameters and buffers, with some of its submodules replaced."""

import copy
from collections.abc import Mapping

from torch import nn


def twin(module: nn.Module, replaced: Mapping[nn.Module, nn.Module]) -> nn.Module:
    """`module` where each key of `replaced` is its value; what holds no key is shared, and all tensors are.

    Containers are copied shallowly: their own parameters, buffers and hooks stay those of the original, in the very same
    dictionaries, so that moving or loading the original moves and loads the twin.
    """
    if module in replaced:
        return replaced[module]
    children = {name: None if child is None else twin(child, replaced) for name, child in module._modules.items()}
    if all(children[name] is child for name, child in module._modules.items()):
        return module
    copied = copy.copy(module)
    copied.__dict__["_modules"] = children
    return copied
