"""What an optimizer remembers about weights that are pruned: it is zeroed with them, so that they do not grow again."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from netchip.errors import ConfigError


@torch.no_grad()
def keep_zero(parameter: Tensor, kept: Tensor, optimizer: Optimizer) -> None:
    """Zeroes `parameter`, and every tensor of its shape in the optimizer's state, where `kept` (bool, same shape) is False.

    That covers momentum of SGD, both moments of Adam and AdamW, and whatever else goes weight by weight.
    """
    gone = ~kept
    parameter.masked_fill_(gone, 0.0)
    state: Mapping[str, Any] = optimizer.state.get(parameter, {})
    for value in state.values():
        if isinstance(value, Tensor) and value.shape == parameter.shape:
            value.masked_fill_(gone, 0.0)


def check_holds(optimizer: Optimizer, parameters: Mapping[str, nn.Parameter]) -> None:
    """Raises `ConfigError` unless the optimizer trains all of `parameters`, naming those it does not."""
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    missing = [name for name, parameter in parameters.items() if id(parameter) not in held]
    if missing:
        raise ConfigError(
            f"the optimizer does not hold {', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}, which SmartExchange "
            "trains; make it from model.parameters() of this very network, or skip those weights"
        )
