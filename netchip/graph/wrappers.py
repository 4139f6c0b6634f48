"""Wrappers around a network: DataParallel, DDP, FSDP, torch.compile. What is inside, and what a wrapper is called."""

from torch import nn

_INNER = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "FullyShardedDataParallel": "module",
    "OptimizedModule": "_orig_mod",
}


def wrapper_name(model: nn.Module) -> str | None:
    """The name of the wrapper class around `model`, None for a plain network. `fully_shard` counts as "FSDPModule"."""
    for cls in type(model).__mro__:
        if cls.__name__ in _INNER or cls.__name__ == "FSDPModule":
            return cls.__name__
    return None


def unwrapped(model: nn.Module) -> nn.Module:
    """The network inside all wrappers; the network itself when there is none."""
    while (attribute := _INNER.get(wrapper_name(model) or "")) is not None:
        model = getattr(model, attribute)
    return model
