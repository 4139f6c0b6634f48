"""Optimizers and learning-rate schedules. A rate is computed from the position alone, never multiplied along the way,
so training taken up at any step has the rate it would have had."""

import math
from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from netchip.train.spec import OptimizerSpec

# Smith & Topin (arXiv 1708.07120), as in torch's OneCycleLR: 30 % of the steps up from rate/25, then down to rate/25e4.
_ONECYCLE_CLIMB, _ONECYCLE_START, _ONECYCLE_END = 0.3, 1 / 25, 1 / 25e4


def make_optimizer(spec: OptimizerSpec, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """The torch optimizer that `spec` describes, over all `parameters` in one group."""
    if spec.name == "sgd":
        return SGD(
            parameters,
            lr=spec.learning_rate,
            momentum=spec.momentum,
            weight_decay=spec.weight_decay,
            nesterov=spec.nesterov,
        )
    kind = Adam if spec.name == "adam" else AdamW
    return kind(parameters, lr=spec.learning_rate, betas=(spec.momentum, 0.999), weight_decay=spec.weight_decay)


def learning_rate(spec: OptimizerSpec, epoch: int, step: int, *, steps_per_epoch: int, epochs: int) -> float:
    """The rate of optimizer step `step` (0-based, inside `epoch`, also 0-based) of a training of `epochs` epochs.

    multistep: rate * factor^(milestones <= epoch). cosine: half a cosine from the rate to 0 over all steps after the
    warm-up. onecycle: torch's OneCycleLR with its defaults. Warm-up: linear, reaching the rate at its last step.
    """
    done, total = epoch * steps_per_epoch + step, epochs * steps_per_epoch
    if spec.schedule == "onecycle":
        return spec.learning_rate * _onecycle(done, total)
    warmup = round(spec.warmup_epochs * steps_per_epoch)
    if done < warmup:
        return spec.learning_rate * (done + 1) / warmup
    if spec.schedule == "multistep":
        return spec.learning_rate * spec.factor ** sum(milestone <= epoch for milestone in spec.milestones)
    if spec.schedule == "cosine":
        return spec.learning_rate * _cosine(1.0, 0.0, (done - warmup) / max(1, total - warmup))
    return spec.learning_rate


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Gives every parameter group the rate `rate`."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def _onecycle(done: int, total: int) -> float:
    top, last = _ONECYCLE_CLIMB * total - 1, total - 1
    if done <= top:
        return _cosine(_ONECYCLE_START, 1.0, done / top)
    return _cosine(1.0, _ONECYCLE_END, min(1.0, (done - top) / (last - top)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
