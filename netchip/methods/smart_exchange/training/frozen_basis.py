"""Training of the basis alone: coefficients stay, the basis follows the steps of the weight and is rounded to 8 bits."""

from dataclasses import replace

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.factored import LARGEST_BASIS, Factored

_RIDGE = 1e-8


def nearest_basis_step(weight_step: Tensor, coefficients: Tensor) -> Tensor:
    """The dB [blocks, width, width] whose C dB is nearest to a step of the weight [blocks, rows, width].

    Least squares with a ridge relative to each block, so that a column without coefficients takes no step.
    """
    transposed = coefficients.transpose(1, 2)
    gram = transposed @ coefficients
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    size = gram.diagonal(dim1=1, dim2=2).mean(dim=1)
    ridge = torch.where(size > 0, _RIDGE * size, torch.ones_like(size))
    return torch.linalg.solve(gram + ridge[:, None, None] * identity, transposed @ weight_step)


def with_basis(factored: Factored, basis: Tensor, *, new_scale: bool = False) -> Factored:
    """`factored` with the float `basis` [blocks, width, width] rounded to int8, at its own scale or at the one that fits.

    Values beyond 127 steps of the scale are cut there. Blocks without coefficients hold zeros.
    """
    scale = fitting_scale(basis, factored.basis_scale) if new_scale else factored.basis_scale
    rounded = (basis / scale).round().clamp(-LARGEST_BASIS, LARGEST_BASIS).to(torch.int8)
    kept = factored.kept_blocks[:, None, None]
    return replace(factored, basis=torch.where(kept, rounded, torch.zeros_like(rounded)), basis_scale=scale)


def fitting_scale(basis: Tensor, otherwise: float) -> float:
    """The float32 scale at which the largest value of `basis` is 127; `otherwise` where all are zero."""
    largest = float(basis.abs().amax()) if basis.numel() else 0.0
    return float(torch.tensor(largest / LARGEST_BASIS, dtype=torch.float32)) if largest > 0 else otherwise


def float_basis(factored: Factored) -> Tensor:
    """The basis as float32, what `with_basis` rounds back to the same int8."""
    return factored.basis.to(torch.float32) * factored.basis_scale
