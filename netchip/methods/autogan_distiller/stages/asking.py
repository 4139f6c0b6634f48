"""What the student is compared with: the targets in the batch, or the teacher's answers where it is asked online."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.autogan_distiller.objective.objective import Objective, Target
from netchip.methods.autogan_distiller.teacher.teacher import Teacher
from netchip.train.accelerating import Accelerator
from netchip.train.phase import Batch, Loader


@dataclass(frozen=True, eq=False)
class Asked:
    """An objective, and the teacher to ask where batches hold inputs alone."""

    objective: Objective
    teacher: Teacher | None = None
    low: float = 0.0
    high: float = 1.0

    def target(self, batch: Batch) -> tuple[Tensor, Target]:
        """The inputs of (inputs, targets) or (inputs,), and what the student's outputs are compared with."""
        inputs = batch[0]
        if len(batch) > 1:
            return inputs, self.objective.target(batch[1])
        if self.teacher is None:
            raise ConfigError("the batches hold no targets and there is no teacher to ask; give one of them")
        return inputs, self.objective.target(self.teacher(inputs))

    @torch.no_grad()
    def psnr_db(self, network: nn.Module, batches: Loader, accelerator: Accelerator) -> float:
        """Mean PSNR in dB of `network` (eval mode) to the targets of `batches`, over all channels, clipped to the range."""
        training = network.training
        network.eval()
        found: list[Tensor] = []
        for batch in batches.epoch(0):
            inputs, target = self.target(tuple(each.to(accelerator.device) for each in batch))
            with accelerator.autocast():
                outputs = network(inputs)
            error = (outputs.float().clamp(self.low, self.high) - target.images.clamp(self.low, self.high)).square()
            found.append(error.mean((1, 2, 3)).double().cpu())
        network.train(training)
        decibels = -10 * torch.log10(torch.cat(found).clamp_min(1e-10)) + 20 * math.log10(self.high - self.low)
        return float(decibels.mean())
