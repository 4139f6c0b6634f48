"""Pretraining of the supernet by the sandwich rule: the largest, the smallest and two random networks at every step."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from netchip.methods.autogan_distiller.stages.asking import Asked
from netchip.methods.autogan_distiller.stages.supernets import learn_along, prepared
from netchip.methods.autogan_distiller.supernet.supernet import Operators, Supernet
from netchip.train.accelerating import Accelerator
from netchip.train.optimizers import make_optimizer, set_learning_rate
from netchip.train.phase import Batch, Loader, Metrics, Prepared, Step, rate_at, require_setup
from netchip.train.spec import OptimizerSpec


class Pretraining:
    """The first phase: shared weights imitate the teacher at every width; the logits do not move.

    Each of the four networks draws its operators at random, so that all of them learn; with softmax operators all are summed.
    """

    def __init__(self, supernet: Supernet, spec: OptimizerSpec, asked: Asked) -> None:
        self.model, self.asked = supernet, asked
        self.optimizer = make_optimizer(spec, supernet.weight_parameters())
        self._spec = spec
        self._operators: Operators = "mixed" if supernet.mode == "softmax" else "random"
        self._ready: Prepared | None = None

    def setup(self, accelerator: Accelerator) -> None:
        """Moves everything to the device."""
        self._ready = None
        self._ready = prepared(accelerator, self.model, self.optimizer, self.asked)

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """One step on (inputs, targets) or (inputs,)."""
        set_learning_rate(self.optimizer, rate_at(self._spec, step))
        inputs, target = self.asked.target(batch)
        routes = [
            partial(self.model.route, widths, self._operators) for widths in ("widest", "narrowest", "random", "random")
        ]
        return learn_along(self._ready, self.model, self.asked, routes, inputs, target)

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """`validation_psnr_db` of the most likely network, which is the first of every choice as long as none has moved."""
        accelerator, _, _ = require_setup(self._ready)
        network = self.model.derive(self.model.most_likely())
        return {"validation_psnr_db": self.asked.psnr_db(network, batches, accelerator)}

    def end_epoch(self, epoch: int) -> bool:
        """Never ends early."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Nothing beyond model and optimizer."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take up."""
