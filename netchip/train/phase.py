"""What `fit` drives: a phase owns the gradients, `fit` owns time. `Classification` is the ready-made one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from netchip.errors import ConfigError
from netchip.train.accelerating import Accelerator, prepare
from netchip.train.distributed import process_count, process_index, sum_over_processes
from netchip.train.optimizers import learning_rate, make_optimizer, set_learning_rate
from netchip.train.spec import OptimizerSpec

Batch = tuple[Tensor, ...]
Metrics = Mapping[str, float | Tensor]
Prepared = tuple[Accelerator, nn.Module, Optimizer]
"""What a phase works with once it is set up: the network and the optimizer wrapped for device and precision."""


class Loader(Protocol):
    """Batches whose order depends on (seed, epoch, index) alone; `netchip.data.batches.Batches` is one."""

    def __len__(self) -> int:
        """Optimizer steps an epoch."""
        ...

    def epoch(self, epoch: int, *, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[Batch]:
        """The batches of `epoch` from index `start` on, each cut down to its slice `part` of `parts`."""
        ...

    def state(self) -> Mapping[str, Any]:
        """A small fingerprint of plain values: two loaders with the same one give the same batches."""
        ...


@dataclass(frozen=True, kw_only=True)
class Step:
    """Where training is: step `index` of `steps_per_epoch` in epoch `epoch` of `epochs`, all counted from 0."""

    epoch: int
    index: int
    steps_per_epoch: int
    epochs: int

    @property
    def number(self) -> int:
        """Optimizer steps before this one, since epoch 0."""
        return self.epoch * self.steps_per_epoch + self.index


class Phase(Protocol):
    """One stage of a method's training.

    `model` is the plain network, never a wrapper; `fit` saves its state and that of `optimizer`, so `state_dict`
    holds what else there is (other networks and optimizers, masks, counters), as plain types and tensors. On resume
    the order is: `load_state_dict` (a phase that changes its model's structure makes the same change here), `setup`,
    weights, optimizer.
    """

    @property
    def model(self) -> nn.Module:
        """The plain network."""
        ...

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of `model`, not wrapped either."""
        ...

    def setup(self, accelerator: Accelerator) -> None:
        """Prepares networks and optimizer; called at the start, and again whenever `end_epoch` changed the model's
        structure.
        """
        ...

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """Learns from one micro batch (on the device); under accumulation it is called several times an optimizer step.

        Returns figures to average; one whose name holds "loss" stops training when it is NaN or infinite.
        """
        ...

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """Figures over all of `batches`, the same in every process."""
        ...

    def end_epoch(self, epoch: int) -> bool:
        """Called after every epoch's validation; True ends the phase. May cut `model` in place."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What `model` and `optimizer` do not hold."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        ...


class Companion(Protocol):
    """What goes along with a training without owning it: a search, a penalty, an arithmetic, with a state of its own."""

    def after_backward(self, model: nn.Module) -> None:
        """Once an optimizer step, after gradients are synchronised and unscaled, before the step; may change them."""
        ...

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Once an optimizer step, right after it; may change the weights."""
        ...

    def end_epoch(self, model: nn.Module, optimizer: Optimizer, epoch: int) -> bool:
        """After every epoch's validation; True ends the training."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training needs, as plain types and tensors."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes it up."""
        ...


class Classification:
    """Cross-entropy training of a classifier [B, ...] -> [B, classes].

    A `companion` goes along: it sees gradients and weights at every optimizer step, and may end the training. `optimizer`
    hands over one that has trained `model` already; else one is made from `spec`.
    """

    def __init__(
        self,
        model: nn.Module,
        spec: OptimizerSpec,
        *,
        companion: Companion | None = None,
        optimizer: Optimizer | None = None,
    ) -> None:
        self.model = model
        self.optimizer = make_optimizer(spec, model.parameters()) if optimizer is None else optimizer
        self.companion = companion
        self._spec = spec
        self._prepared: Prepared | None = None

    def setup(self, accelerator: Accelerator) -> None:
        """Moves the model to the device and wraps it for precision and DDP."""
        self._prepared = None
        self._prepared = (accelerator, *prepare(accelerator, self.model, self.optimizer))

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """Forward, backward and, on the last micro batch, the optimizer's step; its loss and accuracy."""
        accelerator, network, optimizer = self._ready()
        images, labels = batch
        set_learning_rate(self.optimizer, rate_at(self._spec, step))
        with accelerator.accumulate(network):
            outputs = network(images)
            loss = nn.functional.cross_entropy(outputs, labels)
            accelerator.backward(loss)
            last = accelerator.sync_gradients
            if last and self.companion is not None:
                accelerator.unscale_gradients(optimizer)
                self.companion.after_backward(self.model)
            optimizer.step()
            if last and self.companion is not None:
                self.companion.after_step(self.model, self.optimizer)
            optimizer.zero_grad()
        return {"loss": loss.detach(), "accuracy_percent": 100.0 * _hits(outputs, labels) / len(labels)}

    @torch.no_grad()
    def validate(self, batches: Loader) -> Mapping[str, float]:
        """`validation_loss` and `validation_accuracy_percent` over all of `batches`, shared out over the processes."""
        accelerator, _, _ = self._ready()
        training = self.model.training
        self.model.eval()
        parts = [torch.zeros(3, device=accelerator.device)]
        for index, (images, labels) in enumerate(batches.epoch(0)):
            if index % process_count() == process_index():
                with accelerator.autocast():
                    outputs = self.model(images.to(accelerator.device))
                parts.append(_summed(outputs.float(), labels.to(accelerator.device)))
        self.model.train(training)
        loss, hits, count = (float(total) for total in sum_over_processes(torch.stack(parts).cpu().double().sum(0)))
        return {"validation_loss": loss / count, "validation_accuracy_percent": 100.0 * hits / count}

    def end_epoch(self, epoch: int) -> bool:
        """As the companion says; without one it never ends early."""
        return self.companion is not None and self.companion.end_epoch(self.model, self.optimizer, epoch)

    def state_dict(self) -> dict[str, Any]:
        """That of the companion; there is nothing else beyond model and optimizer."""
        return {} if self.companion is None else self.companion.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Hands it to the companion."""
        if self.companion is not None:
            self.companion.load_state_dict(state)

    def _ready(self) -> Prepared:
        return require_setup(self._prepared)


def require_setup(prepared: Prepared | None) -> Prepared:
    """What a phase's `setup` made; raises `ConfigError` before it was called."""
    if prepared is None:
        raise ConfigError(
            "this phase is not set up: give it to netchip.train.fit.fit, or call setup(accelerator) first"
        )
    return prepared


def rate_at(spec: OptimizerSpec, step: Step) -> float:
    """The learning rate of a step."""
    return learning_rate(spec, step.epoch, step.index, steps_per_epoch=step.steps_per_epoch, epochs=step.epochs)


def _hits(outputs: Tensor, labels: Tensor) -> Tensor:
    return (outputs.detach().argmax(1) == labels).float().sum()


def _summed(outputs: Tensor, labels: Tensor) -> Tensor:
    """[3]: the summed loss, the right answers and the images of one batch."""
    loss = nn.functional.cross_entropy(outputs, labels, reduction="sum")
    return torch.stack([loss, _hits(outputs, labels), torch.full_like(loss, len(labels))])
