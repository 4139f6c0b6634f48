"""The training steps of the method, for `fit`: train and search at once, then train what was drawn."""

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from netchip.methods.early_bird.search import TicketSearch
from netchip.train.accelerating import Accelerator
from netchip.train.phase import Batch, Classification, Loader, Metrics, Step
from netchip.train.spec import OptimizerSpec


class SearchPhase:
    """Trains the dense network and ends when its ticket is drawn, at `latest_epoch` at the latest when that is given."""

    def __init__(self, model: nn.Module, spec: OptimizerSpec, search: TicketSearch, latest_epoch: int | None) -> None:
        self.search = search
        self.latest_epoch = latest_epoch
        self._training = Classification(model, spec, after_backward=search.regularize)

    @property
    def model(self) -> nn.Module:
        """The dense network."""
        return self._training.model

    @property
    def optimizer(self) -> Optimizer:
        """Its optimizer, which goes on with the ticket."""
        return self._training.optimizer

    def setup(self, accelerator: Accelerator) -> None:
        """As in plain training."""
        self._training.setup(accelerator)

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """As in plain training, with the L1 pull on the scales before the optimizer's step."""
        return self._training.train_step(batch, step)

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """As in plain training."""
        return self._training.validate(batches)

    def end_epoch(self, epoch: int) -> bool:
        """Draws the epoch's mask; True once there is a ticket."""
        self.search.end_epoch()
        if self.search.drawn_epoch is None and self.latest_epoch is not None and epoch + 1 >= self.latest_epoch:
            self.search.draw()
        return self.search.drawn_epoch is not None

    def state_dict(self) -> dict[str, Any]:
        """The search with its queue of masks."""
        return self.search.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes the search up where it was."""
        self.search.load_state_dict(state)


def retrain_phase(search: SearchPhase, spec: OptimizerSpec) -> Classification:
    """Training of the cut network with the optimizer that was cut along; the L1 pull stays on, as in the paper."""
    return Classification(search.model, spec, optimizer=search.optimizer, after_backward=search.search.regularize)
