"""SmartExchange under `fit`: what goes along with training, and a phase that is validated on the factors."""

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from netchip.methods.smart_exchange.training.averaging import Averaged
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.train.accelerating import Accelerator
from netchip.train.phase import Batch, Classification, Loader, Metrics, Step


class Exchanging:
    """The companion: sees each step, ends each epoch, freezes rows and exponents from epoch `freeze_at` on (counted from 0).

    With `average_from` the weights at the end of that and every later epoch go into `averaged`.
    """

    def __init__(
        self,
        exchange: SmartExchange,
        model: nn.Module,
        *,
        freeze_at: int | None = None,
        average_from: int | None = None,
    ) -> None:
        self.exchange, self.averaged = exchange, None if average_from is None else Averaged(model)
        self._freeze_at, self._average_from = freeze_at, average_from
        self._ended = False

    def after_backward(self, model: nn.Module) -> None:
        """Before the step."""
        self.exchange.after_backward()

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """After it."""
        self.exchange.after_step(optimizer)

    def project(self) -> None:
        """Ends the epoch for the weights, once: `end_epoch` does not do it again."""
        if not self._ended:
            self.exchange.end_epoch()
            self._ended = True

    def end_epoch(self, model: nn.Module, optimizer: Optimizer, epoch: int) -> bool:
        """Projects unless that is done, averages, freezes; never ends the training."""
        self.project()
        self._ended = False
        if self.averaged is not None and self._average_from is not None and epoch >= self._average_from:
            self.averaged.update(model)
        if self._freeze_at is not None and epoch + 1 >= self._freeze_at:
            self.exchange.freeze()
        return False

    def state_dict(self) -> dict[str, Any]:
        """That of the exchange and of the mean."""
        averaged = None if self.averaged is None else self.averaged.state_dict()
        return {"exchange": self.exchange.state_dict(), "averaged": averaged}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes them up."""
        self.exchange.load_state_dict(state["exchange"])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])


class ExchangePhase:
    """Classification whose epochs end with the projection before they are validated, as the paper reports them."""

    def __init__(self, inner: Classification, companion: Exchanging) -> None:
        self._inner, self._companion = inner, companion

    @property
    def model(self) -> nn.Module:
        """The plain network."""
        return self._inner.model

    @property
    def optimizer(self) -> Optimizer:
        """Its optimizer."""
        return self._inner.optimizer

    def setup(self, accelerator: Accelerator) -> None:
        """As the inner phase."""
        self._inner.setup(accelerator)

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """As the inner phase, which calls the companion."""
        return self._inner.train_step(batch, step)

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """Figures of the projected network."""
        self._companion.project()
        return self._inner.validate(batches)

    def end_epoch(self, epoch: int) -> bool:
        """As the companion says."""
        return self._inner.end_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """That of the companion."""
        return self._inner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes it up."""
        self._inner.load_state_dict(state)
