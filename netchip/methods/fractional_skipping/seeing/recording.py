"""A pass over data that notes what was decided for every input, and what came of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import DataError
from netchip.methods.fractional_skipping.gates.protocol import Gate
from netchip.methods.fractional_skipping.network import FractionalNetwork, Routes


@dataclass(frozen=True, eq=False)
class Recorded:
    """What a pass over N inputs came to, in their order.

    `routes` [N, L]: the options that ran. `labels` [N], `predictions` [N]. `losses` [N]: cross-entropy. `logits` [N, L, K]: those
    of the gate with no bias on them, where they were asked for.
    """

    routes: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    losses: np.ndarray
    logits: np.ndarray | None = None

    @property
    def right(self) -> np.ndarray:
        """[N]: whether the prediction is the label."""
        return self.predictions == self.labels

    @property
    def accuracy_percent(self) -> float:
        """Share of right predictions, in per cent."""
        return 100.0 * float(self.right.mean())


def record(
    network: FractionalNetwork, batches: Iterable[tuple[Tensor, ...]], *, routes: Any = None, logits: bool = False
) -> Recorded:
    """Runs a classifier in its routed form, in evaluation, over `batches` of (inputs [B, ...], labels [B]).

    `routes` are taken in place of decisions: one for all inputs (an option, [L]), or [N, L] for each of them. Its mode is as before
    afterwards. Raises `DataError` without a batch.
    """
    training, parts = network.training, []
    device = next(network.parameters()).device
    rows = _Rows(routes)
    network.eval()
    with _listening(network, wanted=logits) as heard, torch.no_grad():
        for inputs, labels in batches:
            passed = network(inputs.to(device), routes=rows.next(len(inputs)), detail=True, form="routed")
            parts.append(_part(passed.outputs.float(), passed.routes, labels.to(device), heard))
    network.train(training)
    if not parts:
        raise DataError("there is no batch to record routes on")
    taken, labels, predictions, losses, *heard_logits = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Recorded(taken, labels, predictions, losses, heard_logits[0] if logits else None)


class _Rows:
    """The routes for the next inputs: rows of [N, L] one after the other, or the same for all."""

    def __init__(self, routes: Any) -> None:
        self.routes, self.at = routes, 0

    def next(self, count: int) -> Routes | None:
        """Those of `count` inputs."""
        if not isinstance(self.routes, np.ndarray) or self.routes.ndim < 2:
            return self.routes.tolist() if isinstance(self.routes, np.ndarray) else self.routes
        self.at += count
        return torch.from_numpy(self.routes[self.at - count : self.at])


def _part(outputs: Tensor, routes: Tensor, labels: Tensor, heard: "_Listening | None") -> list[np.ndarray]:
    losses = nn.functional.cross_entropy(outputs, labels, reduction="none")
    arrays = [routes, labels, outputs.argmax(1), losses] + ([heard.taken()] if heard is not None else [])
    return [each.cpu().numpy() for each in arrays]


@contextmanager
def _listening(network: FractionalNetwork, *, wanted: bool) -> Iterator["_Listening | None"]:
    if not wanted:
        yield None
        return
    gate = network.gate
    heard = _Listening(gate)
    network.gate = heard
    try:
        yield heard
    finally:
        network.gate = gate


class _Listening(nn.Module):
    """The gate itself, with its logits kept."""

    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self._held = (cast("Gate", gate),)
        self.options, self.upfront = self._held[0].options, self._held[0].upfront
        self.steps: list[Tensor] = []

    def begin(self, inputs: Tensor) -> Any:
        self.steps = []
        return self._held[0].begin(inputs)

    def step(self, index: int, features: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = self._held[0].step(index, features, state)
        self.steps.append(state.transpose(0, 1) if self.upfront else logits[None])
        return logits, state

    def taken(self) -> Tensor:
        """[B, L, K] of the batch that has just run."""
        return torch.cat(self.steps).transpose(0, 1)
