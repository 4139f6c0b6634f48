"""Routes that no gate decides: one for all inputs, or random ones with given rates."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.train.phase import Loader

RoutesFor = Callable[[int], Tensor]
"""From a batch's size B to routes [B, L], or [L] for all."""


class FixedRoute:
    """The same route [L] for every input."""

    def __init__(self, route: Sequence[int] | np.ndarray) -> None:
        self.route = torch.as_tensor(np.asarray(route), dtype=torch.long)

    def __call__(self, count: int) -> Tensor:
        """[L]."""
        return self.route


class RandomRoutes:
    """Each block's option drawn for each input by rates [L, K], from torch's generator: as often each, knowing nothing.

    Raises `ConfigError` for rates that are no shares.
    """

    def __init__(self, rates: Any) -> None:
        self.rates = torch.as_tensor(np.asarray(rates), dtype=torch.float64)
        fine = self.rates.ndim == 2 and bool((self.rates >= 0).all())
        if not fine or not torch.allclose(self.rates.sum(1), torch.ones(1, dtype=torch.float64)):
            raise ConfigError(
                "rates are shares [blocks, options]: at least 0, and 1 in sum over the options of each block"
            )

    def __call__(self, count: int) -> Tensor:
        """[count, L]."""
        return torch.multinomial(self.rates, count, replacement=True).t().contiguous()


def shuffled(routes: np.ndarray, seed: int) -> np.ndarray:
    """Routes [N, L] with each block's decisions dealt out to other inputs: every rate stays, and no decision knows its input."""
    random = np.random.default_rng(seed)
    return np.stack([random.permutation(column) for column in routes.T], 1)


def drawn_once(routes: RoutesFor, batches: Loader) -> np.ndarray:
    """Routes for all inputs of `batches`, [N, L] or [L]: the same at every call, and torch's generator is left where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return routes(sum(len(batch[-1]) for batch in batches.epoch(0))).numpy()
