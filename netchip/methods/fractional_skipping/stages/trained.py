"""An arm of a run after its training, and what it came to on the test set."""

from dataclasses import dataclass

import numpy as np

from netchip.methods.fractional_skipping.control.best import Kept
from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.network import FractionalNetwork
from netchip.methods.fractional_skipping.seeing.recording import Recorded
from netchip.methods.fractional_skipping.training.routes import RoutesFor
from netchip.train.fit import FitResult

OURS = "fractional"


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A network, the table of its own options, and what each of its phases came to.

    `scale` turns shares of its own reference into shares of the run's. `routes` are those it was trained on where no gate decides.
    `budget` is what its gate was held to, and `kept` the epoch whose weights it has.
    """

    name: str
    network: FractionalNetwork
    table: CostTable
    phases: tuple[FitResult, ...]
    scale: float = 1.0
    routes: RoutesFor | None = None
    budget: float | None = None
    kept: Kept | None = None
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Wall-clock of its training steps, in seconds, without the shared backbone."""
        return sum(phase.seconds for phase in self.phases)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """An arm on the test set: `costs` [N] are each input's share of the run's reference; `found` is None for early exit,
    `seconds` where nothing was trained for it."""

    name: str
    role: str
    accuracy_percent: float
    costs: np.ndarray
    seconds: float | None
    parameters: int
    macs: float
    whole_percent: float
    found: Recorded | None = None

    @property
    def share(self) -> float:
        """The mean cost."""
        return float(self.costs.mean())
