"""Stochastic weight averaging, as SmartDeal ends its training: the mean of several epochs' weights, BatchNorm measured anew."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn

from netchip.graph.wrappers import unwrapped


class Averaged:
    """The running mean of a network's weights.

        averaged = Averaged(model)
        ...                        # at the end of an epoch
        averaged.update(model)
        ...                        # at the end
        exchange.on(averaged.network()).project()
        measure_batch_norm(averaged.network(), batches)

    The mean of projected weights is not a projected weight, so it is projected too; BatchNorm is measured after that.
    """

    def __init__(self, model: nn.Module) -> None:
        self._averaged = AveragedModel(unwrapped(model))

    @property
    def count(self) -> int:
        """How many networks went into the mean."""
        return int(self._averaged.n_averaged)

    def update(self, model: nn.Module) -> None:
        """Takes the weights of `model` into the mean, each time with equal share."""
        self._averaged.update_parameters(unwrapped(model))

    def network(self) -> nn.Module:
        """The network with the mean of the weights; its BatchNorm statistics are not those of these weights yet."""
        return self._averaged.module

    def state_dict(self) -> dict[str, Any]:
        """The mean and its count."""
        return {name: tensor.clone() for name, tensor in self._averaged.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes it up."""
        self._averaged.load_state_dict(dict(state))


@torch.no_grad()
def measure_batch_norm(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Measures the means and variances of all BatchNorm layers anew over `batches`, each with equal share; nothing else changes."""
    update_bn(batches, model)
