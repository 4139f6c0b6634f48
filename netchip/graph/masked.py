"""The masked model: full width, but the channels that would go are zero at the input of every layer that reads them.

This is what a cut is compared with. Zeroing BatchNorm's gamma and beta instead is wrong wherever a zero does not stay a
zero (a gate, a Sigmoid) or a layer reads channels that no BatchNorm made.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netchip.graph.cut_plan import CutPlan
from netchip.nn.masking import zero_channels


@contextmanager
def masked(model: nn.Module, plan: CutPlan) -> Iterator[nn.Module]:
    """Within the context `model` computes what it will compute when `plan` has been cut; its weights are not touched.

    with masked(model, cuts):
        outputs = model(images)      # removed channels are zero wherever they are read
    """
    with ExitStack() as stack:
        for (name, axis), positions in plan.removed.items():
            if axis == "in":
                layer = model.get_submodule(name)
                hook = _zeroing(plan.lengths[name, axis], positions, channel_dim(layer))
                stack.callback(layer.register_forward_pre_hook(hook, with_kwargs=True).remove)
        yield model


def channel_dim(layer: nn.Module) -> int:
    """The dimension a convolution (batched or not) or linear layer reads its channels from, counted from the back."""
    return -1 - len(layer.kernel_size) if isinstance(layer, nn.modules.conv._ConvNd) else -1


def changed_input(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], change: Callable[[Tensor], Tensor]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a convolution or linear layer with its input changed, given by place or by name."""
    if args:
        return (change(args[0]), *args[1:]), dict(kwargs)
    return args, {**kwargs, "input": change(kwargs["input"])}


def _zeroing(length: int, positions: np.ndarray, dim: int) -> Any:
    """The pre-hook that zeroes `positions` of a layer's input."""
    keep = torch.ones(length, dtype=torch.bool)
    keep[torch.as_tensor(positions)] = False

    def hook(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return changed_input(args, kwargs, lambda maps: zero_channels(maps, keep, dim))

    return hook
