"""Early exit, to compare with: classifiers on the way, and an input leaves at the first that is sure enough.

All exits are computed here and the leaving is simulated, as in most published code; the cost is what leaving would save.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.network import FractionalNetwork
from netchip.train.accelerating import Accelerator, prepare
from netchip.train.optimizers import make_optimizer, set_learning_rate
from netchip.train.phase import Batch, Loader, Metrics, Prepared, Step, rate_at, require_setup
from netchip.train.spec import OptimizerSpec

GRID = 4  # places a side that an exit sees


class ExitHead(nn.Module):
    """A classifier of maps [B, C, H, W]: pooled to at most 4 x 4 places, mean and maximum mixed by a learned share, then linear.

    Maps early in a network say little when averaged over all places; this is the exit of Shallow-Deep Networks (Kaya et al.,
    arXiv 1810.07052, section 4).
    """

    def __init__(self, channels: int, size: tuple[int, int], classes: int) -> None:
        super().__init__()
        self._grid = (min(GRID, size[0]), min(GRID, size[1]))
        self.share = nn.Parameter(torch.tensor(0.5))
        self.linear = nn.Linear(channels * self._grid[0] * self._grid[1], classes)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, classes]."""
        mean = nn.functional.adaptive_avg_pool2d(maps, self._grid)
        largest = nn.functional.adaptive_max_pool2d(maps, self._grid)
        return self.linear(torch.lerp(mean, largest, self.share.clamp(0, 1)).flatten(1))


class EarlyExitNetwork(nn.Module):
    """`network` on one route, with an `ExitHead` on the output of each gated block of `after`."""

    route: Tensor

    def __init__(
        self, network: FractionalNetwork, route: Sequence[int], after: Sequence[int], classes: int, example: Tensor
    ) -> None:
        super().__init__()
        self.network, self.after = network, tuple(after)
        self.register_buffer("route", torch.tensor(list(route)), persistent=False)
        self._blocks = tuple(network.blocks[index] for index in self.after)
        with torch.no_grad():
            shapes = [maps.shape for maps in self._run(example)[0]]
        self.heads = nn.ModuleList(ExitHead(shape[1], (shape[2], shape[3]), classes) for shape in shapes)

    def forward(self, images: Tensor) -> Tensor:
        """[E, B, classes]: the exits in their order, the network's own output last."""
        maps, outputs = self._run(images)
        early = [head(each) for head, each in zip(self.heads, maps, strict=True)]
        return torch.stack([*early, outputs])

    def _run(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        maps: list[Tensor] = []

        def keep(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            maps.append(output)

        handles = [block.register_forward_hook(keep) for block in self._blocks]
        try:
            return maps, self.network(images, routes=self.route, form="static")
        finally:
            for handle in handles:
                handle.remove()


class EarlyExitTraining:
    """Mean cross-entropy over the exits, under `fit`; the figures of validation are those of the last exit."""

    def __init__(self, network: EarlyExitNetwork, spec: OptimizerSpec) -> None:
        self.model, self._spec = network, spec
        self.optimizer: Optimizer = make_optimizer(spec, network.parameters())
        self._prepared: Prepared | None = None

    def setup(self, accelerator: Accelerator) -> None:
        """Moves the network to the device and wraps it for precision."""
        self._prepared = (accelerator, *prepare(accelerator, self.model, self.optimizer))

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """Forward, backward and the optimizer's step; loss over all exits, accuracy of the last."""
        accelerator, network, optimizer = require_setup(self._prepared)
        images, labels = batch
        set_learning_rate(self.optimizer, rate_at(self._spec, step))
        with accelerator.accumulate(network):
            exits = network(images)
            loss = nn.functional.cross_entropy(exits.flatten(0, 1), labels.repeat(len(exits)))
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        return {"loss": loss.detach(), "accuracy_percent": 100.0 * (exits[-1].argmax(1) == labels).float().mean()}

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """Accuracy of the last exit."""
        confident, right = leaving(self.model, batches.epoch(0))
        return {"validation_accuracy_percent": 100.0 * float(right[-1].mean()), "exits": float(len(confident))}

    def end_epoch(self, epoch: int) -> bool:
        """Never ends early."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Nothing beyond network and optimizer."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing."""


def leaving(network: EarlyExitNetwork, batches: Iterable[Batch]) -> tuple[np.ndarray, np.ndarray]:
    """[E, N] each: how sure every exit is of every input (its largest probability), and whether it is right."""
    training, parts = network.training, []
    device = next(network.parameters()).device
    network.eval()
    with torch.no_grad():
        for images, labels in batches:
            sure, predicted = network(images.to(device)).float().softmax(2).max(2)
            parts.append((sure.cpu().numpy(), (predicted.cpu() == labels).numpy()))
    network.train(training)
    confident, right = zip(*parts, strict=True)
    return np.concatenate(confident, 1), np.concatenate(right, 1)


def exit_costs(table: CostTable, route: Sequence[int], after: Sequence[int]) -> np.ndarray:
    """[E]: the share of the reference that is spent where an input leaves, the network's own end last."""
    spent = table.relative[np.arange(len(table.blocks)), np.asarray(route)].cumsum()
    return spent[[*after, len(spent) - 1]]


def exits_at(confident: np.ndarray, threshold: float) -> np.ndarray:
    """[N]: the first exit that is at least `threshold` sure; the last takes all that are left."""
    sure = confident >= threshold
    sure[-1] = True
    return sure.argmax(0)


def threshold_for(confident: np.ndarray, costs: np.ndarray, target: float) -> float:
    """The threshold whose mean cost is the largest at or below `target`; 0 where even leaving at once costs more."""
    candidates = np.unique(np.concatenate([[0.0, 1.1], confident[:-1].ravel()]))
    means = np.array([costs[exits_at(confident, each)].mean() for each in _thinned(candidates)])
    within = np.flatnonzero(means <= target + 1e-9)
    return 0.0 if not len(within) else float(_thinned(candidates)[within[-1]])


def _thinned(candidates: np.ndarray) -> np.ndarray:
    """At most some hundred of them, evenly, the ends among them: costs rise with the threshold."""
    return candidates[np.unique(np.linspace(0, len(candidates) - 1, 512).round().astype(int))]
