"""What an early-bird ticket could prune in a network, by what, and why not the rest."""

from typing import Any

from torch import nn

from netchip.errors import NetchipError
from netchip.methods.early_bird.scoring.prunable import prunable
from netchip.methods.method import Treatment


def treatment(model: nn.Module, example: Any) -> Treatment:
    """The channel groups that `importance="auto"` would rank; a network without any gets the reasons instead."""
    try:
        found = prunable(model, example, importance="auto", stream="coupled")
    except NetchipError as error:
        return Treatment((), 0, str(error))
    unranked = [f"those of {left.name} {left.reason}" for left in found.unranked]
    by = "weights (group L2), having no BatchNorm" if found.importance == "l2" else ""
    why_not = "; ".join([*([f"ranked by {by}"] if by else []), *unranked])
    return Treatment(tuple(group.name for group in found.groups), sum(group.units for group in found.groups), why_not)
