"""What happens to one weight around an optimizer step and at the end of an epoch: a class for each way to train.

All keep the parameter a plain one that holds the weight of its factors between two steps (but `Projecting`, where it is
dense until the epoch ends).
"""

from dataclasses import replace
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.training.buckets import basis_step, coefficient_step, switch
from netchip.methods.smart_exchange.training.frozen_basis import float_basis, nearest_basis_step, with_basis
from netchip.methods.smart_exchange.training.momentum import keep_zero
from netchip.methods.smart_exchange.training.projection import follow_weight, project_weight
from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings
from netchip.methods.smart_exchange.training.trained_weight import TrainedWeight

Value = TypeVar("Value")


class Mode(Protocol):
    """One way to train a weight with its factors; `watches_steps` says that `before_step` must come before every step."""

    @property
    def watches_steps(self) -> bool:
        """Whether a step may not be taken without `before_step`."""
        ...

    def before_step(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """Between backward and the optimizer's step."""
        ...

    def after_step(self, parameter: nn.Parameter, weight: TrainedWeight, optimizer: Optimizer) -> None:
        """Right after the optimizer's step."""
        ...

    def end_epoch(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """At the end of an epoch."""
        ...


class Projecting:
    """The paper's: ordinary steps, and a projection at the end of the epoch; pruned rows stay zero in between."""

    watches_steps = False

    def __init__(self, settings: SmartExchangeSettings) -> None:
        self._settings = settings

    def before_step(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """Nothing."""

    def after_step(self, parameter: nn.Parameter, weight: TrainedWeight, optimizer: Optimizer) -> None:
        """Zeroes what is pruned, with its momentum."""
        if weight.mask is not None:
            keep_zero(parameter, weight.mask, optimizer)

    def end_epoch(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """Projects."""
        parameter.copy_(project_weight(weight, parameter, self._settings))


class StraightThrough:
    """Forward and backward see the projection; its gradient moves a dense weight that is kept aside."""

    watches_steps = True

    def __init__(self, settings: SmartExchangeSettings) -> None:
        self._settings = settings

    def before_step(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """Puts the dense weight back, for the optimizer to move."""
        weight.before = parameter.detach().clone() if weight.latent is None else weight.latent
        parameter.copy_(weight.before)

    def after_step(self, parameter: nn.Parameter, weight: TrainedWeight, optimizer: Optimizer) -> None:
        """Keeps the moved dense weight, and projects it into the parameter."""
        if weight.mask is not None:
            keep_zero(parameter, weight.mask, optimizer)
        weight.latent = parameter.detach().clone()
        parameter.copy_(follow_weight(weight, weight.latent, self._settings))

    def end_epoch(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """Projects with more iterations than at a step."""
        if weight.latent is None:
            weight.latent = parameter.detach().clone()
        if weight.mask is not None:
            weight.latent.masked_fill_(~weight.mask, 0.0)
        parameter.copy_(project_weight(weight, weight.latent, self._settings))


class BucketSwitching:
    """SmartDeal's: the optimizer's step of the weight is replaced by counted moves of exponents and a step of the basis."""

    watches_steps = True

    def __init__(self, settings: SmartExchangeSettings) -> None:
        self._settings = settings

    def before_step(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """Projects once, at the very first step; then notes where the weight is."""
        if weight.factored is None:
            parameter.copy_(project_weight(weight, parameter, self._settings))
        weight.before = parameter.detach().clone()

    def after_step(self, parameter: nn.Parameter, weight: TrainedWeight, optimizer: Optimizer) -> None:
        """Takes the step apart by the chain rule: dC = dW B^T is counted, dB = C^T dW moves the basis."""
        if weight.mask is not None:
            keep_zero(parameter, weight.mask, optimizer)
        factored, basis = _factors(weight)
        step, coefficients = _step(parameter, weight), factored.alphabet.values_of(factored.levels)
        if weight.live is None:
            weight.live, weight.counters = factored.levels != 0, torch.zeros_like(factored.levels, dtype=torch.int16)
        moved = switch(
            factored.levels,
            _there(weight.counters),
            coefficient_step(step, float_basis(factored)),
            live=weight.live,
            alphabet=factored.alphabet,
            bar=self._settings.switch_bar,
            threshold=self._settings.step_threshold,
        )
        weight.counters, weight.basis = moved.counters, basis + basis_step(step, coefficients)
        _set(parameter, weight, with_basis(replace(factored, levels=moved.levels), weight.basis))

    def end_epoch(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """Drops what was pruned now, and gives the basis the int8 scale that fits it; projects where there are no factors yet."""
        if weight.factored is not None and weight.rows is not None:
            gone = ~weight.rows[..., None]
            weight.basis = _factors(weight)[1]
            weight.factored = replace(weight.factored, levels=weight.factored.levels.masked_fill(gone, 0))
            weight.live = None if weight.live is None else weight.live & ~gone
        _rescale(parameter, weight, self._settings)


class BasisOnly:
    """The end of a training: rows and exponents are frozen, the weight moves within what its coefficients can give."""

    watches_steps = True

    def __init__(self, settings: SmartExchangeSettings) -> None:
        self._settings = settings

    def before_step(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """Notes where the weight is."""
        weight.before = parameter.detach().clone()

    def after_step(self, parameter: nn.Parameter, weight: TrainedWeight, optimizer: Optimizer) -> None:
        """The nearest step that a change of the basis alone can make."""
        factored, basis = _factors(weight)
        coefficients = factored.alphabet.values_of(factored.levels)
        weight.basis = basis + nearest_basis_step(_step(parameter, weight), coefficients)
        _set(parameter, weight, with_basis(factored, weight.basis))

    def end_epoch(self, parameter: nn.Parameter, weight: TrainedWeight) -> None:
        """Gives the basis the int8 scale that fits it now."""
        _rescale(parameter, weight, self._settings)


MODES = {"project": Projecting, "straight_through": StraightThrough, "bucket": BucketSwitching}


def _factors(weight: TrainedWeight) -> tuple[Factored, Tensor]:
    """The factors, and the basis in float32 that trains behind the rounded one."""
    factored = _there(weight.factored)
    return factored, float_basis(factored) if weight.basis is None else weight.basis


def _step(parameter: nn.Parameter, weight: TrainedWeight) -> Tensor:
    """What the optimizer did to the weight, in blocks [blocks, rows, width], float32."""
    return weight.tiling.to_blocks(parameter.detach().float() - _there(weight.before).float())


def _set(parameter: nn.Parameter, weight: TrainedWeight, factored: Factored) -> None:
    weight.factored = factored
    parameter.copy_(factored.weight())


def _rescale(parameter: nn.Parameter, weight: TrainedWeight, settings: SmartExchangeSettings) -> None:
    if weight.factored is None:
        parameter.copy_(project_weight(weight, parameter, settings))
    elif weight.basis is not None:
        _set(parameter, weight, with_basis(weight.factored, weight.basis, new_scale=True))


def _there(value: Value | None) -> Value:
    """A value that an earlier call must have set."""
    if value is None:
        raise RuntimeError("a mode was called out of order")
    return value
