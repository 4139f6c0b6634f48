"""What removing rows of one weight costs and saves, rung by rung: shares of rows, bits, and error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.decompose import USUAL, Settings, decompose_traced
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.sparsity import row_scores, without_share
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.sizes import Counts, predicted_size
from netchip.units import BITS_PER_BYTE

Loss = Callable[[Mapping[str, Tensor]], float]
"""The loss of the network with some weights, by name, put in place of its own."""

RUNGS = 128
_KNOTS = 5  # shares at which a loss is measured; it is interpolated between them
_ITERATIONS = 5  # of the decomposition that an estimate rests on


@dataclass(frozen=True)
class Ladder:
    """One weight at growing shares of removed rows, all arrays [rungs].

    `rows` that stay; `bits` of the packed weight, whole bytes; `errors`: relative squared error, *estimated* as the energy of the
    removed rows plus the dense decomposition's relative error on the rest, or the rise of the loss where one was given.
    """

    name: str
    weights: int
    all_rows: int
    shares: NDArray[np.float64]
    rows: NDArray[np.int64]
    bits: NDArray[np.int64]
    errors: NDArray[np.float64]


def ladder_of(
    name: str,
    weight: Tensor,
    tiling: Tiling,
    *,
    settings: Settings = USUAL,
    group: int = 1,
    most: float = 0.95,
    share: float | None = None,
    loss: Loss | None = None,
) -> Ladder:
    """The ladder of `weight`, from a decomposition of a few iterations; `group` filters lose their rows together.

    Up to `most` of its rows go; `share`: this one rung only, set by hand. Raises `ConfigError` for shares outside [0, 1], and as
    `decompose` does.
    """
    asked = most if share is None else share
    if not 0.0 <= asked <= 1.0:
        raise ConfigError(f"{name}: {asked!r} of its rows cannot go; give a share from 0 to 1")
    shares = np.linspace(0.0, most, RUNGS + 1) if share is None else np.array([share])
    quick = replace(settings, iterations=min(settings.iterations or _ITERATIONS, _ITERATIONS))
    factored, trace = decompose_traced(weight, tiling, quick, name=name)
    scores = row_scores(weight, tiling, group)
    removed = np.array([round(float(each) * scores.numel()) for each in shares])
    rank = _ranks(scores).repeat_interleave(group, dim=0)[: tiling.filters]
    rows, bits = _sizes(factored, rank, removed)
    energy = tiling.blocks_to_rows(tiling.to_blocks(weight.detach().to(torch.float64).square()).sum(-1))
    dense = trace.errors[-1] ** 2 if trace.errors else 0.0
    ladder = Ladder(name, tiling.weights, tiling.real_rows, shares, rows, bits, _estimate(energy, rank, removed, dense))
    return ladder if loss is None else _with_loss(ladder, weight, factored, group, loss)


def _ranks(scores: Tensor) -> Tensor:
    """The place of each row in the order in which rows go, int64 of the same shape: that of `without_share`."""
    order = scores.flatten().argsort(stable=True)
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order), device=order.device)
    return ranks.reshape(scores.shape)


def _sizes(factored: Factored, rank: Tensor, removed: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that stay and bits, once rows of a rank below `removed` are gone, from counts of the dense factors."""
    tiling, units = factored.tiling, int(rank.max()) + 1
    used = (factored.levels != 0).sum(-1)
    filled = tiling.rows_to_blocks(rank)
    last = torch.where(used > 0, filled, torch.full_like(filled, -1)).amax(1)
    nonzero = _from_rank(filled, used, units)
    kept_rows = _from_rank(filled, used > 0, units)
    kept_blocks = _from_rank(last[last >= 0], torch.ones_like(last[last >= 0]), units)
    real = _from_rank(rank, torch.ones_like(rank), units)
    counts = (
        Counts(
            factored.alphabet.bits,
            tiling.width,
            tiling.real_rows,
            int(kept_rows[k]),
            int(kept_blocks[k]),
            int(nonzero[k]),
        )
        for k in removed
    )
    return real[removed].astype(np.int64), np.array([predicted_size(each).bytes * BITS_PER_BYTE for each in counts])


def _from_rank(rank: Tensor, amount: Tensor, units: int) -> NDArray[np.float64]:
    """[units + 1]: how much of `amount` has a rank of at least k."""
    sums = np.bincount(rank.flatten().cpu().numpy(), amount.flatten().to(torch.float64).cpu().numpy(), minlength=units)
    return np.append(np.cumsum(sums[::-1])[::-1], 0.0)


def _estimate(energy: Tensor, rank: Tensor, removed: NDArray[np.int64], dense: float) -> NDArray[np.float64]:
    stays = _from_rank(rank, energy, int(rank.max()) + 1)
    whole = stays[0] or 1.0
    return np.maximum(1.0 - (1.0 - dense) * stays[removed] / whole, 0.0)


def _with_loss(ladder: Ladder, weight: Tensor, factored: Factored, group: int, loss: Loss) -> Ladder:
    """`ladder` with the rise of the loss for its errors, measured at a few rungs and never falling."""
    knots = np.unique(np.linspace(0, len(ladder.shares) - 1, _KNOTS).round().astype(int))
    dense = loss({})
    rises = []
    for knot in knots:
        mask = without_share(weight, factored.tiling, float(ladder.shares[knot]), group=group)
        rises.append(loss({ladder.name: factored.weight() * mask.elements()}) - dense)
    rising = np.maximum.accumulate(np.maximum(rises, 0.0))
    return replace(ladder, errors=np.interp(np.arange(len(ladder.shares)), knots, rising))
