"""A cut of one model, first worked out whole (every new tensor made, every refusal raised), then applied by assignment.

New `nn.Parameter` objects are bound everywhere the old ones were. Assigning `parameter.data` of another shape would be
shorter, but autograd nodes that are still alive keep the old shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import CheckpointMismatch, GraphError
from netchip.graph.cut_plan import CutPlan, Where
from netchip.graph.optimizer_state import Dims, cut_state, cut_tensor, rebind
from netchip.graph.selection import refuse_selected, select_inputs, selected_positions
from netchip.graph.slicing import axis_length, computed_tensors, layer_cut
from netchip.graph.wrappers import wrapper_name


@dataclass
class Prepared:
    """Everything a cut will assign: new tensors for old, numbers and input selections of layers, optimizer states."""

    tensors: dict[Tensor, Tensor] = field(default_factory=dict)
    numbers: list[tuple[nn.Module, str, Any]] = field(default_factory=list)
    selections: list[tuple[nn.Module, Tensor]] = field(default_factory=list)
    states: list[tuple[torch.optim.Optimizer, dict[Tensor, dict[str, Any]]]] = field(default_factory=list)


def prepare(model: nn.Module, plan: CutPlan, optimizers: tuple[torch.optim.Optimizer, ...] = ()) -> Prepared:
    """Works out the cut of `model` without touching it.

    Raises `GraphError` for wrapped or parametrized modules and state that cannot be cut, `CheckpointMismatch` for a
    plan of another architecture or one that tears apart what goes together.
    """
    refuse_wrappers(model)
    check_fingerprint(model, plan)
    prepared = Prepared()
    losses = _losses(model, plan, prepared)
    with torch.inference_mode(False), torch.no_grad():
        for tensor, (dims, _) in losses.items():
            prepared.tensors[tensor] = _replacement(tensor, dims)
        prepared.selections = _selections(model, plan)
        for optimizer in optimizers:
            known = {p for group in optimizer.param_groups for p in group["params"]}
            states = {
                tensor: cut_state(optimizer.state[tensor], tensor, dims, name)
                for tensor, (dims, name) in losses.items()
                if tensor in known and tensor in optimizer.state
            }
            prepared.states.append((optimizer, states))
    return prepared


def apply(model: nn.Module, prepared: Prepared) -> None:
    """Assigns what was prepared. Nothing in here can be refused."""
    for module in model.modules():
        held: dict[str, Any]
        for held in (module._parameters, module._buffers):
            for name, tensor in held.items():
                if tensor is not None and tensor in prepared.tensors:
                    held[name] = prepared.tensors[tensor]
    for module, name, number in prepared.numbers:
        setattr(module, name, number)
    for layer, index in prepared.selections:
        select_inputs(layer, index)
    for optimizer, states in prepared.states:
        rebind(optimizer, prepared.tensors, states)


def refuse_wrappers(model: nn.Module) -> None:
    """Raises `GraphError` when `model` is, or holds, a DDP, FSDP, DataParallel or compiled wrapper."""
    for path, module in model.named_modules():
        if (wrapper := wrapper_name(module)) is None:
            continue
        where = f"{path} is" if path else "the model is"
        inner = {"OptimizedModule": "model._orig_mod", "FSDPModule": "the plain module"}.get(wrapper, "model.module")
        raise GraphError(
            f"{where} wrapped in {wrapper}, inside which a cut would go unnoticed (ranks and compiled code "
            f"keep the old shapes); cut {inner} on every rank before wrapping, then wrap it again"
        )


def check_fingerprint(model: nn.Module, plan: CutPlan) -> None:
    """Raises `CheckpointMismatch` that names the first tensor of the plan that `model` has not, or in another shape."""
    own = dict(named_tensors(model))
    for name, shape in plan.tensors.items():
        if name not in own or tuple(own[name].shape) != shape:
            found = "no such tensor" if name not in own else _sizes(tuple(own[name].shape))
            raise CheckpointMismatch(
                f"{name}: the cut plan is for {_sizes(shape)}, this model has {found}; "
                "a plan is applied once, to the dense model it was made for"
            )


def named_tensors(model: nn.Module) -> list[tuple[str, Tensor]]:
    """All parameters and buffers under all their names."""
    return [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]


def find(model: nn.Module, name: str) -> nn.Module | nn.Parameter:
    """The layer or bare parameter of that name; raises `CheckpointMismatch` when there is none."""
    try:
        return model.get_submodule(name)
    except AttributeError:
        pass
    try:
        return model.get_parameter(name)
    except AttributeError:
        raise CheckpointMismatch(
            f"the cut plan names {name!r}, and this model has no such layer or parameter"
        ) from None


def _losses(model: nn.Module, plan: CutPlan, prepared: Prepared) -> dict[Tensor, tuple[Dims, str]]:
    """For every tensor what it keeps along which dimension, and its name; fills in the layers' numbers."""
    keep: dict[str, dict[str, np.ndarray]] = {}
    for where, kept in plan.kept.items():
        if len(kept) < plan.lengths[where]:
            keep.setdefault(where[0], {})[where[1]] = kept
    losses: dict[Tensor, tuple[Dims, str]] = {}
    for name, axes in keep.items():
        layer = find(model, name)
        _check_axes(layer, name, axes, plan.lengths)
        try:
            cut = layer_cut(layer, axes)
        except GraphError as error:
            raise CheckpointMismatch(f"{name}: {error}") from None
        for tensor_name, dims in cut.tensors.items():
            _add_loss(losses, layer, name, tensor_name, dims)
        if isinstance(layer, nn.Module):
            prepared.numbers += [(layer, number, value) for number, value in cut.numbers.items()]
    _check_shared(model, losses, {id(find(model, name)) for name in keep})
    return losses


def _selections(model: nn.Module, plan: CutPlan) -> list[tuple[nn.Module, Tensor]]:
    """For each layer that no longer reads all of what arrives: which of it, on the device of the layer's weight."""
    found: list[tuple[nn.Module, Tensor]] = []
    for (name, axis), unread in plan.deselected.items():
        if len(unread):
            layer = model.get_submodule(name)
            index = selected_positions(plan.kept[name, axis], unread)
            found.append((layer, torch.as_tensor(index, device=layer.get_parameter("weight").device)))
    return found


def _check_axes(
    layer: nn.Module | Tensor, name: str, axes: Mapping[str, np.ndarray], lengths: Mapping[Where, int]
) -> None:
    if isinstance(layer, nn.Module) and (computed := computed_tensors(layer)):
        raise GraphError(f"{name}: its weight is computed by {computed}, so it cannot be cut; remove that first")
    if isinstance(layer, nn.Module):
        refuse_selected(layer, name, axes)
    for axis in axes:
        if axis_length(layer, axis) != lengths[name, axis]:
            raise CheckpointMismatch(
                f"{name}: the cut plan has {lengths[name, axis]} positions on axis {axis!r}, "
                f"this {type(layer).__name__} has {axis_length(layer, axis) or 'no such axis'}"
            )


def _add_loss(
    losses: dict[Tensor, tuple[Dims, str]], layer: nn.Module | Tensor, name: str, tensor_name: str, dims: Dims
) -> None:
    tensor = getattr(layer, tensor_name) if isinstance(layer, nn.Module) else layer
    full_name = f"{name}.{tensor_name}" if tensor_name else name
    if nn.parameter.is_lazy(tensor) or type(tensor).__name__ == "DTensor":
        raise GraphError(
            f"{full_name} is a {type(tensor).__name__}, which cannot be cut; cut the plain, initialised model"
        )
    known = losses.setdefault(tensor, (dims, full_name))
    if not _equal(known[0], dims):
        raise GraphError(f"{full_name} and {known[1]} are one tensor, but would lose different channels")


def _equal(one: Dims, other: Dims) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[dim], other[dim]) for dim in one)


def _check_shared(model: nn.Module, losses: Mapping[Tensor, Any], cut_layers: set[int]) -> None:
    """A tensor that several modules hold may only be cut when all of them are."""
    for path, module in model.named_modules():
        for name, parameter in module._parameters.items():
            bare = parameter is not None and id(parameter) in cut_layers
            if parameter is not None and parameter in losses and id(module) not in cut_layers and not bare:
                raise GraphError(
                    f"{path}.{name} is the same tensor as {losses[parameter][1]}, but the cut plan cuts only the latter"
                )


def _replacement(tensor: Tensor, dims: Dims) -> Tensor:
    cut = cut_tensor(tensor, dims)
    if not isinstance(tensor, nn.Parameter):
        return cut
    new = torch.Tensor._make_subclass(type(tensor), cut, tensor.requires_grad)
    vars(new).update(vars(tensor))
    if tensor.grad is not None:
        new.grad = cut_tensor(tensor.grad, dims)
    for hook in (tensor._backward_hooks or {}).values():
        new.register_hook(hook)
    for hook in (getattr(tensor, "_post_accumulate_grad_hooks", None) or {}).values():
        new.register_post_accumulate_grad_hook(hook)
    return new


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape) or "a scalar"
