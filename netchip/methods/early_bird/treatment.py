"""What an early-bird ticket could prune in a network, and why not the rest."""

from typing import Any

from torch import nn

from netchip.errors import NetchipError
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.method import Treatment


def treatment(model: nn.Module, example: Any) -> Treatment:
    """The channel groups whose channels a BatchNorm scale ranks; a network without any gets the reasons instead."""
    try:
        search = TicketSearch(model, example)
    except NetchipError as error:
        return Treatment((), 0, str(error))
    treated = tuple(group.name for group in search.groups)
    others = [group.name for group in search.coupling.groups if group.name not in treated]
    why_not = f"no BatchNorm scale ranks the channels of: {', '.join(others)}" if others else ""
    return Treatment(treated, sum(group.units for group in search.groups), why_not)
