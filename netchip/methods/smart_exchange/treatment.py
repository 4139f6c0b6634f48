"""What SmartExchange could treat in a network, and why not the rest."""

from typing import Any

from torch import nn

from netchip.errors import NetchipError
from netchip.methods.method import Treatment
from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange


def treatment(model: nn.Module, example: Any) -> Treatment:
    """The weights that would be packed, at the settings a run starts from; their filters count as channels."""
    try:
        exchange = SmartExchange(model, SmartExchangeSettings())
    except NetchipError as error:
        return Treatment((), 0, str(error))
    why_not = "; ".join(f"{passed.name}: {passed.reason}" for passed in exchange.passed)
    return Treatment(exchange.names, sum(tiling.filters for tiling in exchange.tilings.values()), why_not)
