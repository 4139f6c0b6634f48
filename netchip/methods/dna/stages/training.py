"""Phases of the supernet: its weights alone, then weights and choices in turns, the accelerator following."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from netchip.errors import ConfigError
from netchip.methods.dna.joint.co_search import CoSearch
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.spec import SearchSpec
from netchip.methods.dna.supernet.route import Route
from netchip.methods.dna.supernet.supernet import Supernet, batch_statistics
from netchip.train.accelerating import Accelerator, prepare
from netchip.train.distributed import process_count
from netchip.train.optimizers import make_optimizer, set_learning_rate
from netchip.train.phase import Batch, Loader, Metrics, Prepared, Step, rate_at, require_setup

CLIP = 5.0


class Pretraining:
    """The first phase: the weights alone, along paths drawn anew at every step."""

    def __init__(self, supernet: Supernet, spec: SearchSpec) -> None:
        self.model = supernet
        self.optimizer = make_optimizer(spec.optimizer, supernet.weight_parameters())
        self._spec = spec
        self._prepared: Prepared | None = None

    def setup(self, accelerator: Accelerator) -> None:
        """Moves everything to the device; raises `ConfigError` for several processes and for fp16."""
        if process_count() > 1:
            raise ConfigError(
                "the supernet runs another path at every step, which DDP cannot follow: search in one process"
            )
        if accelerator.scaler is not None:
            raise ConfigError("precision = 'fp16' is not for the search; use 'bf16' or 'no'")
        self._prepared = None
        self._prepared = (accelerator, *prepare(accelerator, self.model, self.optimizer))

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """A step of the weights on the first half's images, its gradient the mean over several paths."""
        images, labels = batch[:2]
        accelerator, network, optimizer = require_setup(self._prepared)
        set_learning_rate(self.optimizer, rate_at(self._spec.optimizer, step))
        routes = self.routes()
        total, hits = torch.zeros((), device=images.device), torch.zeros((), device=images.device)
        with accelerator.accumulate(network):
            for route in routes:
                outputs = network(images, route).float()
                loss = nn.functional.cross_entropy(outputs, labels) / len(routes)
                accelerator.backward(loss)
                total, hits = total + loss.detach(), hits + (outputs.argmax(1) == labels).float().mean() / len(routes)
            clip_grad_norm_(self.model.weight_parameters(), CLIP)
            optimizer.step()
            optimizer.zero_grad()
        return {"loss": total, "accuracy_percent": 100.0 * hits}

    def routes(self) -> list[Route]:
        """The paths of a step: every option equally often."""
        return self.model.fair_routes(self._spec.paths)

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """`validation_loss` and `validation_accuracy_percent` of the most likely network, as the supernet has it."""
        places = [(int(each.sum(1).argmax()), int(each.sum(0).argmax())) for each in self.model.joint_chances()]
        loss, accuracy = self.judged(self.model.space.architecture(places), batches)
        return {"validation_loss": loss, "validation_accuracy_percent": accuracy}

    def judged(self, architecture: Architecture, batches: Loader) -> tuple[float, float]:
        """Loss and accuracy in per cent of one network with the supernet's weights, BatchNorm by the batch at hand."""
        accelerator, _, _ = require_setup(self._prepared)
        return judged(self.model, architecture, batches, accelerator.device)

    def end_epoch(self, epoch: int) -> bool:
        """It never ends early."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Nothing beyond weights and optimizer."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take up."""


class Searching(Pretraining):
    """The second phase: a step of the choices on one half, a step of the weights on the other; then the accelerator follows."""

    def __init__(self, search: CoSearch, spec: SearchSpec) -> None:
        super().__init__(search.supernet, spec)
        self.search = search

    def setup(self, accelerator: Accelerator) -> None:
        """Moves everything to the device."""
        super().setup(accelerator)
        if self.search.optimizer.state:
            self.search.optimizer.load_state_dict(self.search.optimizer.state_dict())  # moves it to its parameters

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """A step of the choices on the second half's images, then one of the weights on the first's."""
        accelerator, network, _ = require_setup(self._prepared)
        images, labels = batch[2:]
        set_learning_rate(self.search.optimizer, rate_at(self._spec.architecture, step))

        def loss_of(route: Route) -> Tensor:
            return nn.functional.cross_entropy(network(images, route).float(), labels)

        found = self.search.choose(loss_of, backward=accelerator.backward)
        return {**super().train_step(batch, step), **found}

    def routes(self) -> list[Route]:
        """The paths of a step: drawn by the probabilities."""
        return [self.model.route() for _ in range(self._spec.paths)]

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """Those of the most likely network, and the mean network's cost."""
        return {**super().validate(batches), "mean_cost": float(self.search.cost())}

    def end_epoch(self, epoch: int) -> bool:
        """The weight of the cost moves, the accelerator is solved anew when it is due."""
        self.search.end_epoch()
        return False

    def state_dict(self) -> dict[str, Any]:
        """The search's."""
        return self.search.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Hands it to the search."""
        self.search.load_state_dict(state)


@torch.no_grad()
def judged(
    supernet: Supernet, architecture: Architecture, batches: Loader, device: torch.device
) -> tuple[float, float]:
    """Loss and accuracy in per cent of one network with the supernet's weights, BatchNorm by the batch at hand."""
    training, route = supernet.training, supernet.route_of(architecture)
    supernet.eval()
    total = torch.zeros(3, dtype=torch.float64)
    with batch_statistics(supernet):
        for images, labels in batches.epoch(0):
            outputs, right = supernet(images.to(device), route).float().cpu(), labels.cpu()
            loss = nn.functional.cross_entropy(outputs, right, reduction="sum")
            total += torch.stack([loss, (outputs.argmax(1) == right).sum(), torch.tensor(len(right))]).double()
    supernet.train(training)
    loss, hits, count = total.tolist()
    return loss / count, 100.0 * hits / count
