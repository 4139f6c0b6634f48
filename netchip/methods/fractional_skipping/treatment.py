"""Which blocks of a network could be gated, and why not where none can."""

from typing import Any

from torch import nn

from netchip.errors import NetchipError
from netchip.methods.fractional_skipping.blocks.finding import find_blocks
from netchip.methods.method import Treatment


def treatment(model: nn.Module, example: Any) -> Treatment:
    """The residual blocks that would be gated, the first one left out; their channels are those that enter them."""
    try:
        found = find_blocks(model, None, example if not isinstance(example, dict) else None)
    except NetchipError as error:
        return Treatment((), 0, str(error))
    fixed = [f"{each.site.name} always runs: {each.site.why_not}" for each in found if not each.site.skippable]
    return Treatment(tuple(each.site.name for each in found), sum(each.channels for each in found), "; ".join(fixed))
