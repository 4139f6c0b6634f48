"""Training of one network to imitate its teacher, or the ground truth: derived students, baselines, and teachers of our own."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from netchip.methods.autogan_distiller.stages.asking import Asked
from netchip.methods.autogan_distiller.stages.features import FeatureMatching
from netchip.train.accelerating import Accelerator, prepare
from netchip.train.optimizers import make_optimizer, set_learning_rate
from netchip.train.phase import Batch, Loader, Metrics, Prepared, Step, rate_at, require_setup
from netchip.train.spec import OptimizerSpec

CLIP = 5.0
"""Largest norm of a gradient (the released code, section 6 of the paper's supplement)."""


class Imitation:
    """The last phase of the paper: the student alone, every picture, d(student, teacher); no search left.

        fit(Imitation(student, OptimizerSpec(name="adam", learning_rate=2e-4), asked), batches, epochs=50, folder="runs/mine/final")

    `features` adds feature distillation from named layers of the teacher.
    """

    def __init__(
        self, student: nn.Module, spec: OptimizerSpec, asked: Asked, *, features: FeatureMatching | None = None
    ) -> None:
        self.model, self.asked, self.features = student, asked, features
        adaptors = [] if features is None else list(features.adaptors.parameters())
        self.optimizer = make_optimizer(spec, [*student.parameters(), *adaptors])
        self._spec = spec
        self._prepared: Prepared | None = None

    def setup(self, accelerator: Accelerator) -> None:
        """Moves everything to the device and wraps the student for precision and DDP."""
        self._prepared = None
        self.asked.objective.to(accelerator.device)
        if self.features is not None:
            self.features.adaptors.to(accelerator.device)
        self._prepared = (accelerator, *prepare(accelerator, self.model, self.optimizer))

    def train_step(self, batch: Batch, step: Step) -> Metrics:
        """One step on (inputs, targets) or (inputs,); the loss and each of its terms."""
        accelerator, network, optimizer = self._ready()
        set_learning_rate(self.optimizer, rate_at(self._spec, step))
        with accelerator.accumulate(network):
            inputs, target = self.asked.target(batch)
            terms = self.asked.objective(network(inputs).float(), target)
            if self.features is not None:
                terms |= self.features.added(terms["loss"])
            accelerator.backward(terms["loss"])
            if accelerator.sync_gradients:
                accelerator.unscale_gradients(optimizer)
                clip_grad_norm_(self.model.parameters(), CLIP)
            optimizer.step()
            optimizer.zero_grad()
        return detached(terms)

    def validate(self, batches: Loader) -> Mapping[str, float]:
        """`validation_psnr_db`: to the targets, over all of `batches`."""
        accelerator, _, _ = self._ready()
        return {"validation_psnr_db": self.asked.psnr_db(self.model, batches, accelerator)}

    def end_epoch(self, epoch: int) -> bool:
        """Never ends early."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """The adaptors of feature distillation, if any."""
        return {} if self.features is None else {"adaptors": self.features.adaptors.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes them up."""
        if self.features is not None:
            self.features.adaptors.load_state_dict(state["adaptors"])

    def _ready(self) -> Prepared:
        return require_setup(self._prepared)


def detached(terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The figures of a step, without gradients."""
    return {name: value.detach() if isinstance(value, torch.Tensor) else value for name, value in terms.items()}
