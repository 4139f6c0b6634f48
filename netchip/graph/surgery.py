"""Cutting channels out of a network in place, with its gradients and its optimizer, checked before it is done.

All positions are those of the uncut network and everything is cut once: one group after another would shift the
positions of those that share a concatenation.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from netchip.errors import GraphError
from netchip.graph.checking import verify
from netchip.graph.cut_plan import CutPlan, GroupCut, Where
from netchip.graph.groups import ChannelGroup, Coupling
from netchip.graph.masked import masked
from netchip.graph.optimizer_state import inner_optimizers
from netchip.graph.rebinding import apply, prepare

__all__ = ["CutPlan", "CutReport", "cut", "masked", "plan"]


@dataclass(frozen=True)
class CutReport:
    """What a cut did: parameters of the model before and after, and (kept, all) units of each group.

    `difference` is max|cut - masked| / max|masked| on the example, None when it was not checked.
    """

    parameters_before: int
    parameters_after: int
    widths: Mapping[str, tuple[int, int]]
    difference: float | None
    seconds: float


def plan(coupling: Coupling, keep: Mapping[str, np.ndarray]) -> CutPlan:
    """The cut that keeps the units where `keep[group]`, boolean [units], is True; groups that are not named stay whole.

    Raises `GraphError` for an unknown group, a mask of another length, or one that would empty the group.
    """
    cuts = tuple(_group_cut(coupling.group(name), np.asarray(mask)) for name, mask in keep.items())
    touched = {where for cut_group in cuts for where in cut_group.removed}
    lengths = {where: length for where, length in coupling.lengths.items() if where in touched}
    return CutPlan(tuple(cuts), lengths, _affected(coupling, touched))


def cut(
    model: nn.Module,
    plan: CutPlan,
    *,
    optimizer: Any = None,
    example: Any = None,
    check: bool = True,
) -> CutReport:
    """Cuts `model` in place as `plan` says: parameters, buffers, gradients and the state of `optimizer` alike.

    `optimizer` is a torch optimizer or a list of them; it goes on training the parameters that are now in the model.
    With `example` (a tensor, a tuple of arguments or a dict) and `check` the cut network is first compared, on a copy,
    with the masked one: within 1e-5 of the largest output in float32. On any error model and optimizer stay as they
    were.

    Raises `GraphError` for DDP, FSDP or compiled wrappers, parametrized layers and LBFGS, `CheckpointMismatch` for a
    plan of another architecture (naming the first tensor that differs), `CutMismatch` naming the groups at fault.
    """
    started = time.perf_counter()
    before = _parameters(model)
    prepared = prepare(model, plan, inner_optimizers(optimizer))
    difference = verify(model, plan, example) if check and example is not None else None
    apply(model, prepared)
    widths = {group.name: (group.units - group.removed_units, group.units) for group in plan.groups}
    return CutReport(before, _parameters(model), widths, difference, time.perf_counter() - started)


def _group_cut(group: ChannelGroup, keep: np.ndarray) -> GroupCut:
    if keep.dtype != bool or keep.shape != (group.units,):
        raise GraphError(
            f"{group.name}: the mask must be boolean of shape ({group.units},), one entry a unit; "
            f"it is {keep.dtype} of shape {keep.shape}"
        )
    if not keep.any():
        raise GraphError(f"{group.name}: the mask keeps none of its {group.units} units; a layer needs at least one")
    cut_members = [member for member in group.members if member.axis == "in" or not group.selects]
    removed = {(member.module, member.axis): np.sort(member.index[~keep].ravel()) for member in cut_members}
    return GroupCut(group.name, group.units, int((~keep).sum()), removed, group.selects)


def _affected(coupling: Coupling, touched: set[Where]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of the touched layers, under all names."""
    layers = {module for module, _ in touched}
    layers |= {alias for group in coupling.groups for m in group.members if m.module in layers for alias in m.aliases}
    return {
        name: shape for name, shape in coupling.tensors.items() if name in layers or name.rpartition(".")[0] in layers
    }


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
