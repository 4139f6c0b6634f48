"""An arm of a run after its training, and the order in which arms are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from netchip.graph.surgery import CutPlan
from netchip.methods.early_bird.stages.ledger import Ledger
from netchip.models.spec import ModelSpec
from netchip.train.fit import FitResult

TICKET = "ticket"
_BASELINES = ("dense", "uniform", "random", "late")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """An arm: the network, how it is built and cut, and what each of its phases came to.

    `images` is how many training images an epoch had. `search_epochs` the uncut network trained for, `retrain_epochs` what was
    cut out of it by `plan`; a network that was not cut has neither plan nor retraining.
    """

    network: nn.Module
    source: ModelSpec
    phases: tuple[FitResult, ...]
    images: int
    search_epochs: int
    retrain_epochs: int = 0
    plan: CutPlan | None = None
    emulated: bool = False

    @property
    def seconds(self) -> float:
        """Wall-clock of its training steps, in seconds."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def energy_j(self) -> float | None:
        """Joules of its training steps; None unless all of them were measured."""
        measured = [phase.energy_j for phase in self.phases]
        return None if None in measured or not measured else sum(each for each in measured if each is not None)

    def ledger(self, own_macs: float, dense_macs: float, epochs: int) -> Ledger:
        """What its training cost, beside the dense network's; `own_macs` and `dense_macs` are those of one image."""
        before, after = (0, self.search_epochs) if self.plan is None else (self.search_epochs, self.retrain_epochs)
        return Ledger(int(dense_macs), int(own_macs), self.images, epochs, before, after)


def in_order(arms: Mapping[str, Trained]) -> dict[str, Trained]:
    """Baselines first, further tickets next, the ticket of the first target last."""
    further = [name for name in arms if name not in (*_BASELINES, TICKET)]
    return {name: arms[name] for name in (*_BASELINES, *further, TICKET) if name in arms}


def folder_of(name: str, run: Path) -> Path:
    """Where an arm's network is saved: the run's own folder for the ticket, as `netchip.load(run)` expects."""
    return run if name == TICKET else run / name
