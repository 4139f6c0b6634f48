"""SmartExchange in any training loop: a few calls, plain parameters, the loop stays the user's."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from netchip.errors import CheckpointMismatch, ConfigError
from netchip.graph.wrappers import unwrapped
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.preparing import check_finite
from netchip.methods.smart_exchange.decomposition.sparsity import without_share
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.packed import Packed, pack
from netchip.methods.smart_exchange.training.modes import MODES, BasisOnly, Mode
from netchip.methods.smart_exchange.training.momentum import check_holds
from netchip.methods.smart_exchange.training.planning import filters_kept, plan_weights, row_shares
from netchip.methods.smart_exchange.training.projection import project_weight
from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings
from netchip.methods.smart_exchange.training.trained_weight import TrainedWeight
from netchip.methods.smart_exchange.training.treated import Passed


class SmartExchange:
    """Trains a network whose weights are a small basis times sparse powers of two (arXiv 2005.03403, 2101.01163).

        exchange = SmartExchange(model, row_sparsity=0.5)
        for epoch in range(epochs):
            for images, labels in loader:
                optimizer.zero_grad()
                loss_of(model(images), labels).backward()
                exchange.after_backward()        # between backward and step; once a step, also under accumulation
                optimizer.step()
                exchange.after_step(optimizer)
            exchange.end_epoch()                 # the weights are those of the factors now: evaluate, save
        factors = exchange.factors()

    `model` is any network; convolutions of any kind, linear layers and embeddings are treated, each stored weight once, where
    that takes fewer bits than 8 a weight; `passed` says which are not, and why. Parameters stay plain ones, so optimizers,
    DDP, `state_dict` and other code go on working. Without training, `project()` alone brings a network to its factors.
    Settings are those of `SmartExchangeSettings`, as a value or by name. The three modes:

    - "project": ordinary steps; `end_epoch` projects, from the stored factors. Pruned rows stay zero, momentum included.
    - "straight_through": the model always holds the projection; its gradient moves dense weights that are kept aside.
    - "bucket": an exponent moves by one when `switch_bar` more steps pull it one way than the other; the basis trains with it.

    Raises `ConfigError` for a network without a weight to treat, for weights that are NaN or infinite, for a pattern that
    fits nothing.
    """

    def __init__(self, model: nn.Module, settings: SmartExchangeSettings | None = None, **changes: Any) -> None:
        self.settings = (settings or SmartExchangeSettings()).changed(**changes)
        self._model = unwrapped(model)
        self.passed: tuple[Passed, ...]
        self._weights, self.passed = plan_weights(self._model, self.settings)
        for name in self._weights:
            check_finite(self._model.get_parameter(name), name)
        self._mode: Mode = MODES[self.settings.mode](self.settings)
        self._shares: Mapping[str, float] | None = None
        self._projections = self._epochs = 0
        self.frozen = False
        self._watched = False
        self._checked: Optimizer | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The treated weights, in the order of the network."""
        return tuple(self._weights)

    @property
    def tilings(self) -> Mapping[str, Tiling]:
        """How each treated weight is cut into blocks."""
        return {name: weight.tiling for name, weight in self._weights.items()}

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The modules that hold them, tied ones included."""
        names = [name for weight in self._weights.values() for name in weight.found.names]
        return tuple(dict.fromkeys(name.rpartition(".")[0] for name in names))

    @property
    def row_sparsity(self) -> Mapping[str, float]:
        """The share of its rows that each weight loses, or will have lost when the ramp is over; empty before `project`."""
        return dict(self._shares or {})

    @property
    def masks(self) -> Mapping[str, Tensor]:
        """The weights that lost rows, each with a bool mask of its shape: False where a row is gone for good."""
        return {name: weight.mask for name, weight in self._weights.items() if weight.mask is not None}

    @torch.no_grad()
    def after_backward(self) -> None:
        """Call between backward and the optimizer's step, once a step, also under accumulation (before the last micro batch's)."""
        for parameter, weight in self._pairs():
            self._mode.before_step(parameter, weight)
        self._watched = True

    @torch.no_grad()
    def after_step(self, optimizer: Optimizer) -> None:
        """Call right after the optimizer's step. Raises `ConfigError` when `optimizer` does not hold the treated weights."""
        if self._checked is not optimizer:
            check_holds(optimizer, {weight.found.name: parameter for parameter, weight in self._pairs()})
            self._checked = optimizer
        if self._mode.watches_steps and not self._watched:
            raise ConfigError(
                f"mode {self.settings.mode!r} must see the weights before a step: call after_backward() between backward and step"
            )
        for parameter, weight in self._pairs():
            self._mode.after_step(parameter, weight, optimizer)
            weight.before = None
        self._watched = False

    @torch.no_grad()
    def end_epoch(self) -> None:
        """Ends an epoch: at every `every`-th, the weights become those of their factors."""
        self._epochs += 1
        if self._epochs % self.settings.every:
            return
        if not self.frozen:
            self._prune(1)
        for parameter, weight in self._pairs():
            self._mode.end_epoch(parameter, weight)

    @torch.no_grad()
    def project(self) -> None:
        """The weights become those of their factors, now; doing it again changes nothing. Only `end_epoch` goes on with a ramp.

        In mode "straight_through" the dense weights kept aside are projected, each time a little nearer. Frozen rows and
        exponents stay as they are.
        """
        if not self.frozen:
            self._prune(0 if self._projections else 1)
            for parameter, weight in self._pairs():
                if self.settings.mode == "straight_through":
                    self._mode.end_epoch(parameter, weight)
                else:
                    parameter.copy_(project_weight(weight, parameter, self.settings))
                    weight.basis = weight.counters = weight.live = None

    def freeze(self) -> None:
        """From now on rows and exponents stay: each step moves a weight only as far as its basis can give.

        For the last epochs of a training. Raises `ConfigError` before the first projection.
        """
        self._factored_weights()
        if not self.frozen:
            self.frozen, self._mode = True, BasisOnly(self.settings)
            for weight in self._weights.values():
                weight.latent = weight.counters = weight.live = None

    def factored(self, name: str) -> Factored:
        """The factors of a weight, by any of its names. Raises `ConfigError` for another name, or before the first projection."""
        for own, factored in self.factors().items():
            if name in self._weights[own].found.names:
                return factored
        raise ConfigError(f"{name!r} is not treated; treated are {', '.join(self.names)}")

    def factors(self) -> dict[str, Factored]:
        """The factors of all treated weights, by name. Raises `ConfigError` before the first projection."""
        found = self._factored_weights()
        return {name: weight.factored for name, weight in found.items() if weight.factored is not None}

    def packed(self) -> dict[str, Packed]:
        """The same as they are stored."""
        return {name: pack(factored) for name, factored in self.factors().items()}

    def on(self, model: nn.Module) -> Self:
        """The same masks and factors, as a start, for another network with these layers (a mean of weights, say)."""
        other = type(self)(model, self.settings)
        other.load_state_dict(self.state_dict())
        for weight in other._weights.values():
            weight.latent = weight.basis = weight.counters = weight.live = None
        if other.frozen:
            other.frozen, other._mode = False, MODES[self.settings.mode](self.settings)
        return other

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed training needs beside model and optimizer, as plain types and tensors."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "counters": [self._epochs, self._projections],
            "frozen": self.frozen,
            "shares": None if self._shares is None else dict(self._shares),
            "weights": {name: weight.state_dict() for name, weight in self._weights.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes it up. Raises `CheckpointMismatch` for that of another network, or of other settings."""
        own = self.settings.model_dump(mode="json")
        differing = [name for name in own if own[name] != state["settings"].get(name)]
        if differing or list(state["weights"]) != list(self._weights):
            found = ", ".join(f"{name} = {state['settings'].get(name)!r} there" for name in differing[:3])
            weights = sorted(set(state["weights"]) ^ set(self._weights))[:3]
            raise CheckpointMismatch(f"the saved training is another one: {found or f'weights that differ: {weights}'}")
        for parameter, weight in self._pairs():
            weight.load_state_dict(state["weights"][weight.found.name], parameter.device)
        self._epochs, self._projections = state["counters"]
        self._shares, self.frozen = state["shares"], state["frozen"]
        self._mode = BasisOnly(self.settings) if self.frozen else MODES[self.settings.mode](self.settings)

    def _prune(self, on: int) -> None:
        """Takes away the rows that are due, `on` projections further in the ramp."""
        dense = {name: self._dense(name) for name in self._weights}
        if self._shares is None:
            self._shares = row_shares(self._model, dense, self._weights, self.settings)
            if self.settings.channel_share:
                for name, mask in filters_kept(self._model, self._weights, self.settings.channel_share).items():
                    self._weights[name].prune(mask)
        self._projections = min(self._projections + on, self.settings.ramp)
        reached = 1.0 - (1.0 - self._projections / self.settings.ramp) ** 3  # Zhu & Gupta, arXiv 1710.01878, equation 1
        for name, weight in self._weights.items():
            if share := self._shares[name] * reached:
                weight.prune(without_share(dense[name], weight.tiling, share, group=self.settings.lock_step))

    def _dense(self, name: str) -> Tensor:
        """The dense weight behind a parameter: what is kept aside, else the parameter itself."""
        latent = self._weights[name].latent
        return self._model.get_parameter(name).detach() if latent is None else latent

    def _pairs(self) -> Iterator[tuple[nn.Parameter, TrainedWeight]]:
        """Each treated parameter with what is kept of it, on the parameter's device."""
        for name, weight in self._weights.items():
            parameter = self._model.get_parameter(name)
            weight.to(parameter.device)
            yield parameter, weight

    def _factored_weights(self) -> dict[str, TrainedWeight]:
        if any(weight.factored is None for weight in self._weights.values()):
            raise ConfigError("the weights have no factors yet: call project() first, or train to the end of an epoch")
        return self._weights
