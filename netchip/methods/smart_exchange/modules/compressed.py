"""From a network and packed weights to the network that runs with them.

network = compressed(model, "model.se.safetensors")                     # rebuilt once, dense speed
network = compressed(model, "model.se.safetensors", rebuild="forward")  # holds the packed codes only
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.modules.contents import Source, contents_for, some_of
from netchip.methods.smart_exchange.modules.holding import check_can_hold, hold_packed
from netchip.methods.smart_exchange.modules.packed_weight import PackedWeight
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.training.treated import fits

Rebuild = Literal["load", "forward"]


def compressed(
    model: nn.Module, source: Source, rebuild: Rebuild = "load", *, only: Sequence[str] = (), skip: Sequence[str] = ()
) -> nn.Module:
    """A copy of `model` with the weights of `source`: a compressed file, its path, or packed weights by name.

    rebuild="load": plain parameters, rebuilt once; the network is saved, traced and exported (torch.export, ONNX) as any other,
    with dense weights. "forward": the parameters named by `source` are gone; their packed form is held in buffers, and each access
    rebuilds the weight, bit for bit the same; it cannot be exported. `only` and `skip` ("forward"): patterns of weights or modules;
    what they leave out is rebuilt once. Weights take the type and the device of the parameter they replace (the CPU for a
    model on the meta device); tied parameters stay tied. A file must hold all that the model's state holds; packed weights alone
    replace what they name. Raises `DataError` for a file that is none and for a weight in it whose hash is not right,
    `CheckpointMismatch` for names or shapes that are not the model's, `ConfigError` for a pattern that fits no packed weight, for
    an unknown `rebuild`, and for layers that cannot hold a packed weight.
    """
    if rebuild not in get_args(Rebuild):
        raise ConfigError(f"rebuild = {rebuild!r}; known: 'load', 'forward'")
    contents, uses = contents_for(model, source)
    held = _chosen(contents.packed, only, skip) if rebuild == "forward" else frozenset[str]()
    for name in (use for each in held for use in uses[each]):
        check_can_hold(*_owner(model, name))
    replaced = {id(model.get_parameter(name)) for name in contents.packed}
    network = copy.deepcopy(model, {id(each): each for each in model.parameters() if id(each) in replaced})
    for name, stored in contents.packed.items():
        weight = contents.tensor(name)  # of weights that are held packed too, so that each hash is compared
        if name in held:
            _hold(network, uses[name], stored)
        else:
            _load(network, uses[name], weight)
    for name, value in contents.dense.items():
        _place_dense(network, uses[name], value)
    return network


def _chosen(packed: Mapping[str, Packed], only: Sequence[str], skip: Sequence[str]) -> frozenset[str]:
    """Names of the weights to hold packed."""

    def fitting(patterns: Sequence[str]) -> set[str]:
        return {name for name in packed if any(fits(pattern, (name,)) for pattern in patterns)}

    for pattern in (*only, *skip):
        if not fitting((pattern,)):
            raise ConfigError(f"the pattern {pattern!r} fits no packed weight; they are named {some_of(list(packed))}")
    return frozenset((fitting(only) if only else set(packed)) - fitting(skip))


def _hold(network: nn.Module, names: Sequence[str], stored: Packed) -> None:
    """Puts one packed weight under all its `names`."""
    old = network.get_parameter(names[0])
    held = PackedWeight(stored.to(_device(old)), old.dtype)
    for name in names:
        hold_packed(*_owner(network, name), held)


def _load(network: nn.Module, names: Sequence[str], weight: Tensor) -> None:
    """Puts one rebuilt weight under all its `names`."""
    old = network.get_parameter(names[0])
    weight = weight.to(device=_device(old), dtype=old.dtype)
    _assign(network, names, nn.Parameter(weight, requires_grad=old.requires_grad))


def _place_dense(network: nn.Module, names: Sequence[str], value: Tensor) -> None:
    module, key = _owner(network, names[0])
    old: Tensor = getattr(module, key)
    value = value.to(device=_device(old), dtype=old.dtype, copy=True)
    _assign(network, names, nn.Parameter(value, old.requires_grad) if isinstance(old, nn.Parameter) else value)


def _assign(network: nn.Module, names: Sequence[str], value: Tensor) -> None:
    for name in names:
        module, key = _owner(network, name)
        setattr(module, key, value)


def _device(old: Tensor) -> torch.device:
    return torch.device("cpu") if old.is_meta else old.device


def _owner(network: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, key = name.rpartition(".")
    return network.get_submodule(path), key
