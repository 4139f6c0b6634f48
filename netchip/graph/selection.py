"""A layer that reads only some of the channels that arrive at it: an index, and a hook that picks them.

This is how a stream is kept whole while its readers become narrow (channel selection in Early-Bird's released code, and
in network slimming's, arXiv 1708.06519). Nothing of it reads values on the host, so a GPU never waits.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from netchip.errors import GraphError
from netchip.graph.masked import changed_input, channel_dim

INDEX = "input_index"


class InputSelection:
    """The pre-hook of a layer that picks channels of its input by the layer's buffer `input_index`, int64 [kept].

    The index is a buffer, not kept here, so that it goes with the layer to other devices, replicas and copies.
    """

    handle: RemovableHandle
    """Pickled with the hook: torch reads there which hook numbers are taken, and does not give this one out again."""

    def __call__(
        self, layer: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        index, dim = layer.get_buffer(INDEX), channel_dim(layer)
        return changed_input(args, kwargs, lambda maps: torch.index_select(maps, dim, index))


def select_inputs(layer: nn.Module, index: Tensor) -> None:
    """From now on `layer` reads the channels `index`, int64 [kept], of what arrives; the index is in no state dict."""
    layer.register_buffer(INDEX, index, persistent=False)
    hook = InputSelection()
    hook.handle = layer.register_forward_pre_hook(hook, with_kwargs=True)


def selected_positions(kept: np.ndarray, unread: np.ndarray) -> np.ndarray:
    """Where the `kept` positions lie among those that arrive: themselves and the `unread` ones.

    Both are sorted and counted on the uncut layer: kept [0, 3] and unread [2] of four (1 is really gone) give [0, 2].
    """
    return np.searchsorted(np.union1d(kept, unread), kept)


def refuse_selected(layer: nn.Module, name: str, axes: Iterable[str]) -> None:
    """Raises `GraphError` when `layer`, which already reads a selection, would lose more of what it reads."""
    if hasattr(layer, INDEX) and set(axes) & {"in", "channels"}:
        raise GraphError(
            f"{name}: reads a selection of its input already (buffer {INDEX!r}), so what it reads cannot be cut again; "
            "plan all cuts of it on the dense network, and make them at once"
        )
