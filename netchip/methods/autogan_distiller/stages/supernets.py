"""What pretraining and search share: a supernet whose weights learn from several networks in one step."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from netchip.errors import ConfigError
from netchip.methods.autogan_distiller.objective.objective import Target
from netchip.methods.autogan_distiller.stages.asking import Asked
from netchip.methods.autogan_distiller.stages.imitation import CLIP, detached
from netchip.methods.autogan_distiller.supernet.route import Route
from netchip.methods.autogan_distiller.supernet.supernet import Supernet
from netchip.train.accelerating import Accelerator, prepare
from netchip.train.distributed import process_count
from netchip.train.phase import Metrics, Prepared, require_setup


def prepared(accelerator: Accelerator, supernet: Supernet, optimizer: Optimizer, asked: Asked) -> Prepared:
    """Everything on the device; raises `ConfigError` for several processes or fp16, which a supernet's training does not take."""
    if process_count() > 1:
        raise ConfigError(
            "the supernet runs another network at every pass, which DDP cannot follow: pretrain and search in one process"
        )
    if accelerator.scaler is not None:
        raise ConfigError("precision = 'fp16' is not for the search; use 'bf16' or 'no'")
    asked.objective.to(accelerator.device)
    return (accelerator, *prepare(accelerator, supernet, optimizer))


def learn_along(
    ready: Prepared | None,
    supernet: Supernet,
    asked: Asked,
    routes: Sequence[Callable[[], Route]],
    inputs: Tensor,
    target: Target,
) -> Metrics:
    """One step of the weights: the gradients of d along every route are added up, clipped and applied.

    Each route is run and let go before the next, so that memory holds one. The figures are those of the last.
    """
    accelerator, network, optimizer = require_setup(ready)
    total = torch.zeros((), device=inputs.device)
    terms: Metrics = {}
    with accelerator.accumulate(network):
        for draw in routes:
            found = asked.objective(network(inputs, draw()).float(), target)
            accelerator.backward(found["loss"])
            total = total + found["loss"].detach()
            terms = detached(found)
        if accelerator.sync_gradients:
            clip_grad_norm_(supernet.weight_parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
    return {**terms, "loss": total / len(routes)}
