"""What is taken from `accelerate`: device, mixed precision, gradient accumulation, DDP. Order and checkpoints are ours.

Its state is one per process and refuses a second setting, so a run with phases of different precision resets it here.
"""

import gc
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

import accelerate  # pyright: ignore[reportMissingTypeStubs]
import torch
from accelerate.state import AcceleratorState  # pyright: ignore[reportMissingTypeStubs]
from accelerate.utils import GradientAccumulationPlugin  # pyright: ignore[reportMissingTypeStubs]
from torch import Tensor, nn
from torch.optim import Optimizer

from netchip.errors import ConfigError
from netchip.train.distributed import process_count
from netchip.train.spec import TrainSpec


class Accelerator(Protocol):
    """The part of `accelerate.Accelerator` that a phase may use (the real one is what it gets)."""

    @property
    def device(self) -> torch.device:
        """Where the network and the batches are."""
        ...

    @property
    def sync_gradients(self) -> bool:
        """Whether this micro batch is the last of its optimizer step."""
        ...

    @property
    def scaler(self) -> Any:
        """The fp16 gradient scaler, else None."""
        ...

    def accumulate(self, *models: nn.Module) -> AbstractContextManager[None]:
        """One micro batch; enter it once a `train_step`, with every prepared network that gets gradients."""
        ...

    def autocast(self) -> AbstractContextManager[None]:
        """The mixed precision of the run, for a forward pass outside the prepared network."""
        ...

    def backward(self, loss: Tensor) -> None:
        """`loss.backward()`, scaled for fp16 and for the number of micro batches."""
        ...

    def unscale_gradients(self, optimizer: Optimizer | None = None) -> None:
        """Takes the fp16 scale out of the gradients; nothing in other precisions."""
        ...


def make_accelerator(spec: TrainSpec) -> Accelerator:
    """The accelerator for `spec`. Raises `ConfigError` for a device that is not here and for fp16 on a CPU."""
    device = training_device(spec.device)
    if spec.precision == "fp16" and device != "cuda":
        raise ConfigError(
            f"precision = 'fp16' needs a GPU, and the device is {device!r}; set precision to 'bf16' or 'no'"
        )
    process_count()  # joins the launcher's group with our backends, before accelerate would with its own
    _forget_other_setting(spec.precision, device)
    plugin = GradientAccumulationPlugin(num_steps=spec.accumulate, sync_with_dataloader=False)
    made: Any = accelerate.Accelerator(
        mixed_precision=spec.precision, cpu=device == "cpu", gradient_accumulation_plugin=plugin
    )
    return cast(Accelerator, made)


def prepare(accelerator: Accelerator, model: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
    """The network to call and the optimizer to step in training.

    `model` itself moves to the device and is otherwise left as it is (never patched, never renamed): autocast and DDP
    are on the returned network around it. So `model` can be cut, saved and traced at any time; after a cut, prepare
    again. The caller drops the network of an earlier call first.
    """
    gc.collect()  # an earlier DDP wrapper takes its hooks off the parameters only when it is gone
    whole: Any = accelerator
    network = whole.prepare_model(_Around(model))
    if optimizer.state and whole.device.type != "cpu":
        optimizer.load_state_dict(optimizer.state_dict())  # moves the state to its parameters
    return network, whole.prepare_optimizer(optimizer, device_placement=False)


def release(accelerator: Accelerator) -> None:
    """Lets go of the networks and optimizers prepared so far, before a phase is set up again."""
    whole: Any = accelerator
    whole.free_memory()


class _Around(nn.Module):
    """A module around a network, for accelerate to patch in the network's place."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.inner(*inputs, **named)


def training_device(wanted: str) -> str:
    """The device that "auto" (or `wanted` itself) means here. Raises `ConfigError` where torch does not find it."""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, there in here.items() if there)
    if not here[wanted]:
        raise ConfigError(
            f"device = {wanted!r}: torch {torch.__version__} finds no such device here; set device to 'auto' or 'cpu'"
        )
    return wanted


def _forget_other_setting(precision: str, device: str) -> None:
    state: Any = AcceleratorState
    shared = state._shared_state
    if shared and (shared.get("_mixed_precision") != precision or shared["device"].type != device):
        state._reset_state(reset_partial_state=True)
