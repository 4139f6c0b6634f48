"""Several processes as one: who is first, decisions made once, figures averaged. All of it is a no-op in a single
process.

Processes come from `torchrun` or `accelerate launch`, which set RANK and WORLD_SIZE.
"""

import os
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import torch
import torch.distributed
from torch import nn

T = TypeVar("T")
dist: Any = torch.distributed


def process_count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _joined() else 1


def process_index() -> int:
    """The rank of this process, 0 in a single process."""
    return dist.get_rank() if _joined() else 0


def is_main() -> bool:
    """Whether this process is the one that decides and writes."""
    return process_index() == 0


def broadcast_object(value: T) -> T:
    """The `value` of rank 0, in every process. For decisions: masks, tickets, whether to stop."""
    if process_count() == 1:
        return value
    box: list[T] = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def gather_object(value: T) -> list[T]:
    """The `value` of every process, by rank, in every process."""
    if process_count() == 1:
        return [value]
    values: list[T | None] = [None] * process_count()
    dist.all_gather_object(values, value)
    return cast(list[T], values)


def any_process(*flags: bool) -> tuple[bool, ...]:
    """Each flag, true in every process as soon as it is true in one."""
    if process_count() == 1:
        return flags
    tensor = torch.tensor(flags, dtype=torch.int32)
    dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return tuple(bool(flag) for flag in tensor)


def sum_over_processes(values: torch.Tensor) -> torch.Tensor:
    """The sum over all processes of a CPU tensor of any shape, the same everywhere."""
    total = values.clone()
    if process_count() > 1:
        dist.all_reduce(total)
    return total


def mean_over_processes(figures: Mapping[str, float]) -> dict[str, float]:
    """The mean of each figure over all processes; the names must be the same everywhere."""
    total = sum_over_processes(torch.tensor(list(figures.values()), dtype=torch.float64))
    return {name: float(value) / process_count() for name, value in zip(figures, total, strict=True)}


@torch.no_grad()
def broadcast_buffers(model: nn.Module) -> None:
    """Gives every process the buffers (BatchNorm statistics) of rank 0, in place."""
    if process_count() > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)


def _joined() -> bool:
    """Whether this process is in a group; joins the one its launcher described first."""
    if not dist.is_available():
        return False
    if not dist.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ:
        _join()
    return dist.is_initialized()


def _join() -> None:
    """Gloo carries decisions and CPU tensors, NCCL the gradients on GPUs: reading a decision never waits for a GPU."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        dist.init_process_group("cpu:gloo,cuda:nccl")
    else:
        dist.init_process_group("gloo")
