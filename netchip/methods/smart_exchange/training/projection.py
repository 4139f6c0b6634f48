"""From a dense weight to a near one that has factors."""

from dataclasses import replace

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.decompose import decompose
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.training.frozen_basis import float_basis
from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings
from netchip.methods.smart_exchange.training.trained_weight import TrainedWeight


@torch.no_grad()
def project_weight(weight: TrainedWeight, source: Tensor, settings: SmartExchangeSettings) -> Tensor:
    """Decomposes `source` under the row mask of `weight`, keeps the factors there, and returns the weight they stand for.

    The stored factors are the start, so that projecting a projected weight again changes nothing.
    """
    warm = weight.factored is not None
    return _decomposed(weight, source, settings, settings.warm_iterations if warm else settings.iterations)


@torch.no_grad()
def follow_weight(weight: TrainedWeight, source: Tensor, settings: SmartExchangeSettings) -> Tensor:
    """As `project_weight`, for the small change of one optimizer step: `step_iterations`, the alphabet as it is."""
    if weight.factored is None:
        return project_weight(weight, source, settings)
    if settings.step_iterations:
        return _decomposed(weight, source, settings, settings.step_iterations)
    weight.factored = on_fixed_basis(weight.factored, source, settings.element_threshold, weight.rows)
    return weight.factored.weight()


def on_fixed_basis(factored: Factored, source: Tensor, element_threshold: float, rows: Tensor | None) -> Factored:
    """The coefficients C = W B^-1 of `source` at the basis of `factored`, below the threshold zero, rounded to its alphabet.

    Blocks without a basis stay zero.
    """
    blocks = factored.tiling.to_blocks(source.detach().float())
    inverse = torch.linalg.pinv(float_basis(factored), hermitian=False)
    exact = blocks @ inverse
    if rows is not None:
        exact = exact * rows[..., None]
    real = (
        factored.tiling.row_is_real(exact.device) if rows is None else rows & factored.tiling.row_is_real(exact.device)
    )
    counted = real.sum(dim=1).clamp(min=1) * factored.tiling.width
    rms = (exact.square().sum(dim=(1, 2)) / counted).sqrt()
    large = exact.abs() >= element_threshold * rms[:, None, None]
    return replace(factored, levels=factored.alphabet.levels_of(torch.where(large, exact, torch.zeros_like(exact))))


def _decomposed(weight: TrainedWeight, source: Tensor, settings: SmartExchangeSettings, iterations: int) -> Tensor:
    weight.factored = decompose(
        source,
        weight.tiling,
        bits=settings.bits,
        iterations=iterations,
        element_threshold=settings.element_threshold,
        quantise_basis=settings.quantise_basis,
        row_mask=weight.rows,
        warm=weight.factored,
        name=weight.found.name,
    )
    return weight.factored.weight()
