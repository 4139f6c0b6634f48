"""An optimizer's memory of a parameter, cut with the parameter: momentum, moments, factored moments, counters."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netchip.errors import GraphError

Dims = Mapping[int, np.ndarray]


def inner_optimizers(optimizer: Any) -> tuple[torch.optim.Optimizer, ...]:
    """The torch optimizers behind `optimizer`: itself, those in a list, or the one a wrapper (accelerate) holds.

    Raises `GraphError` for anything else, and for L-BFGS, whose history cannot be cut.
    """
    if optimizer is None:
        return ()
    if isinstance(optimizer, (list, tuple)):
        return tuple(inner for one in optimizer for inner in inner_optimizers(one))
    while not type(optimizer).__module__.startswith("torch.optim") and isinstance(
        getattr(optimizer, "optimizer", None), torch.optim.Optimizer
    ):
        optimizer = optimizer.optimizer
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise GraphError(
            f"optimizer is a {type(optimizer).__name__}; give the torch.optim.Optimizer that trains the model"
        )
    if isinstance(optimizer, torch.optim.LBFGS):
        raise GraphError(
            "LBFGS keeps flat vectors over all parameters, which cannot be cut; make a new LBFGS after the cut"
        )
    return (optimizer,)


def cut_tensor(tensor: Tensor, dims: Dims) -> Tensor:
    """A copy of `tensor` with only the positions `dims[dim]` along each dimension, in the same memory format."""
    cut = tensor.detach()
    for dim, kept in dims.items():
        cut = cut.index_select(dim, torch.as_tensor(kept, dtype=torch.int64, device=tensor.device))
    cut = cut.clone() if cut.data_ptr() == tensor.data_ptr() else cut
    for rank, memory_format in ((4, torch.channels_last), (5, torch.channels_last_3d)):
        is_format = tensor.dim() == rank and tensor.is_contiguous(memory_format=memory_format)
        if is_format and not tensor.is_contiguous():
            return cut.contiguous(memory_format=memory_format)
    return cut


def cut_state(state: Mapping[str, Any], parameter: Tensor, dims: Dims, name: str) -> dict[str, Any]:
    """The optimizer's state of one parameter, cut alike. Raises `GraphError` for state it cannot place."""
    return {key: _cut_entry(value, key, parameter, dims, name) for key, value in state.items()}


def rebind(
    optimizer: torch.optim.Optimizer, new: Mapping[Tensor, Tensor], states: Mapping[Tensor, dict[str, Any]]
) -> None:
    """Replaces parameters in the optimizer's groups and state; order and everything else stay."""
    for group in optimizer.param_groups:
        group["params"] = [new.get(parameter, parameter) for parameter in group["params"]]
    state = {new.get(key, key): states.get(key, value) for key, value in optimizer.state.items()}
    optimizer.state.clear()
    optimizer.state.update(state)


def _cut_entry(value: Any, key: str, parameter: Tensor, dims: Dims, name: str) -> Any:
    if not isinstance(value, Tensor):
        if _holds_tensors(value):
            raise GraphError(
                f"{name}: the optimizer keeps {key!r} as {type(value).__name__} of tensors, which cannot be cut"
            )
        return value
    if value.dim() == 0 or value.numel() == 1:
        return value
    return cut_tensor(value, _state_dims(value, key, parameter, dims, name))


def _state_dims(value: Tensor, key: str, parameter: Tensor, dims: Dims, name: str) -> dict[int, np.ndarray]:
    """Which dimension of a state tensor is which of the parameter's: factored moments miss one, others line up."""
    places = list(range(parameter.dim())) if value.dim() == parameter.dim() else _without_one(value, key, parameter)
    sizes = [parameter.shape[place] for place in places]
    fits = len(places) == value.dim() and all(size in (own, 1) for size, own in zip(value.shape, sizes, strict=True))
    if not fits:
        raise GraphError(
            f"{name}: the optimizer keeps {key!r} of shape {tuple(value.shape)} for a parameter of shape "
            f"{tuple(parameter.shape)}, which cannot be cut with it; make a new optimizer after the cut"
        )
    return {
        at: dims[place]
        for at, place in enumerate(places)
        if place in dims and value.shape[at] == parameter.shape[place]
    }


def _without_one(value: Tensor, key: str, parameter: Tensor) -> list[int]:
    rank = parameter.dim()
    if value.dim() != rank - 1:
        return []
    order = [rank - 2, rank - 1] if "col" in key else [rank - 1, rank - 2]
    for missing in [*order, *range(rank - 2)]:
        places = [place for place in range(rank) if place != missing]
        if [parameter.shape[place] for place in places] == list(value.shape):
            return places
    return []


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_tensors(item) or isinstance(item, Tensor) for item in value.values())
    return (
        isinstance(value, Iterable)
        and not isinstance(value, (str, bytes))
        and any(isinstance(v, Tensor) for v in value)
    )
