"""The alternating search: the logits learn from one half of the pictures, the weights from the other."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from netchip.methods.autogan_distiller.control import BudgetControl, ControlSettings
from netchip.methods.autogan_distiller.costing.exact import Found, best_filling
from netchip.methods.autogan_distiller.costing.table import CostTable
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.spec import SearchSpec
from netchip.methods.autogan_distiller.stages.asking import Asked
from netchip.methods.autogan_distiller.stages.supernets import learn_along, prepared
from netchip.methods.autogan_distiller.supernet.supernet import Supernet, Widths
from netchip.nn.choice import Annealing
from netchip.train.accelerating import Accelerator
from netchip.train.optimizers import make_optimizer, set_learning_rate
from netchip.train.phase import Batch, Loader, Metrics, Prepared, Step, rate_at, require_setup

_LOWEST = -2.0  # shared weights favour cheap networks, so the mean cost is held at the budget from below too


class Search:
    """The second phase. `batches` hold both halves: (inputs, [targets,] inputs, [targets]), weights first.

    The architecture step descends d of a drawn network plus the multiplier times the log of the mean cost over the budget; the
    weight step learns from a drawn, the largest and the smallest network. With softmax operators (the paper's form) the
    architecture step looks at all three too. Every epoch the best network within the budget is noted as a candidate.
    """

    def __init__(self, supernet: Supernet, spec: SearchSpec, asked: Asked, table: CostTable, budget: float) -> None:
        self.model, self.asked, self.table, self.budget = supernet, asked, table, budget
        self.optimizer = make_optimizer(spec.optimizer, supernet.weight_parameters())
        self.logits_optimizer: Optimizer = make_optimizer(spec.architecture, supernet.architecture_parameters())
        self.control = BudgetControl(budget, ControlSettings(lowest=_LOWEST))
        self.candidates: list[Architecture] = []
        self._spec = spec
        self._ready: Prepared | None = None

    def setup(self, accelerator: Accelerator) -> None:
        """Moves everything to the device."""
        self._ready = None
        self._ready = prepared(accelerator, self.model, self.optimizer, self.asked)
        if self.logits_optimizer.state:
            self.logits_optimizer.load_state_dict(self.logits_optimizer.state_dict())  # moves it to its parameters

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """An architecture step on the second half of the batch, then a weight step on the first."""
        middle = len(batch) // 2
        temperature = self._temperature(step)
        found = self._architecture_step(batch[middle:], step, temperature)
        set_learning_rate(self.optimizer, rate_at(self._spec.optimizer, step))
        inputs, target = self.asked.target(batch[:middle])
        ends: tuple[Widths, ...] = ("drawn", "widest", "narrowest")
        routes = [partial(self.model.route, widths, temperature=temperature) for widths in ends]
        return {**learn_along(self._ready, self.model, self.asked, routes, inputs, target), **found}

    def found(self) -> Found:
        """The best network within the budget, and making use of it, by the logits as they are."""
        return best_filling(self.table, self.model.scores(), self.budget, least=self._spec.least_use)

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """`validation_psnr_db` and `found_cost` of the best network within the budget, with the supernet's weights."""
        found = self.found()
        return {
            "validation_psnr_db": self._psnr_db(found.architecture, batches),
            "found_cost": found.cost,
            "most_likely_cost": self.table.of(self.model.most_likely()),
        }

    def end_epoch(self, epoch: int) -> bool:
        """Notes the candidate of this epoch; never ends early."""
        architecture = self.found().architecture
        if architecture not in self.candidates:
            self.candidates.append(architecture)
        return False

    def state_dict(self) -> dict[str, Any]:
        """The optimizer of the logits, the multiplier, the candidates."""
        return {
            "logits_optimizer": self.logits_optimizer.state_dict(),
            "control": self.control.state_dict(),
            "candidates": [each.to_json() for each in self.candidates],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes them up."""
        self.logits_optimizer.load_state_dict(state["logits_optimizer"])
        self.control.load_state_dict(state["control"])
        self.candidates = [Architecture.from_json(each) for each in state["candidates"]]

    def _architecture_step(self, half: Batch, step: Step, temperature: float) -> dict[str, float | Tensor]:
        accelerator, network, _ = require_setup(self._ready)
        set_learning_rate(self.logits_optimizer, rate_at(self._spec.architecture, step))
        inputs, target = self.asked.target(half)
        ends: tuple[Widths, ...] = ("drawn", "widest", "narrowest") if self.model.mode == "softmax" else ("drawn",)
        self._weights_learn(False)
        losses = [
            self.asked.objective(
                network(inputs, self.model.route(widths, temperature=temperature, learn=True)).float(), target
            )
            for widths in ends
        ]
        loss = torch.stack([terms["loss"] for terms in losses]).sum()
        cost = self.model.expected_cost(self.table)
        accelerator.backward(self.control.penalized(loss, cost))
        if accelerator.sync_gradients:
            self.logits_optimizer.step()
            self.logits_optimizer.zero_grad()
        self._weights_learn(True)
        return {
            "architecture_loss": loss.detach(),
            "cost_over_budget": cost.detach() / self.budget,
            "multiplier": self.control.multiplier,
        }

    def _weights_learn(self, learn: bool) -> None:
        for weight in self.model.weight_parameters():
            weight.requires_grad_(learn)

    def _temperature(self, step: Step) -> float:
        start, end = self._spec.temperature
        return Annealing(start, end, max(1, step.steps_per_epoch * step.epochs - 1)).at(step.number)

    def _psnr_db(self, architecture: Architecture, batches: Loader) -> float:
        accelerator, _, _ = require_setup(self._ready)
        return self.asked.psnr_db(self.model.derive(architecture), batches, accelerator)
