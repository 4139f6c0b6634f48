"""Bucket switching: exponents that move by one when enough steps agree (SmartDeal, arXiv 2101.01163, section on training)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet


@dataclass(frozen=True)
class Moved:
    """Levels and counters after a step, both [blocks, rows, width]: int8 and int16."""

    levels: Tensor
    counters: Tensor


def coefficient_step(weight_step: Tensor, basis: Tensor) -> Tensor:
    """dC = dW B^T: the step of coefficients [blocks, rows, width] that a step of the weight, in blocks, stands for."""
    return weight_step @ basis.transpose(1, 2)


def basis_step(weight_step: Tensor, coefficients: Tensor) -> Tensor:
    """dB = C^T dW: likewise that of the basis, [blocks, width, width]."""
    return coefficients.transpose(1, 2) @ weight_step


def switch(
    levels: Tensor,
    counters: Tensor,
    step: Tensor,
    *,
    live: Tensor,
    alphabet: Alphabet,
    bar: int,
    threshold: float = 0.0,
) -> Moved:
    """Counts the signs of `step` and moves the coefficients whose counter reaches `bar`, one exponent each; it starts anew there.

    Towards its own sign a coefficient doubles, up to the largest power; against it it halves, from the smallest power to
    zero. A zero that is `live` (bool; the others stay zero for good) becomes the smallest power of the step's sign. Steps of
    at most the share `threshold` of the coefficient (of the smallest power, for a zero) are not counted: so many of them would
    not carry it to the next power.
    """
    smallest = 2.0 ** (alphabet.top - alphabet.powers + 1)
    least = threshold * alphabet.values_of(levels, step.dtype).abs().clamp(min=smallest)
    signs = torch.where(step.abs() > least, torch.sign(step), torch.zeros_like(step)).to(torch.int16)
    counted = torch.where(live, counters + signs, torch.zeros_like(counters))
    moves = counted.abs() >= bar
    direction = torch.sign(counted).to(torch.int8)
    moved = torch.where(moves, _one_on(levels, direction, alphabet.powers), levels)
    return Moved(moved, counted.masked_fill(moves, 0))


def _one_on(levels: Tensor, direction: Tensor, powers: int) -> Tensor:
    """Each level one exponent on in `direction` (+-1)."""
    sign = torch.sign(levels)
    magnitude = (levels.abs() - sign * direction).clamp(min=1)  # level 1 is the largest power
    magnitude = torch.where(magnitude > powers, torch.zeros_like(magnitude), magnitude)
    return torch.where(levels == 0, direction * powers, sign * magnitude)
