"""Trial cuts: every group is cut on a shaken copy of the model and compared with the masked copy, before it is offered.

The model's weights may hide what a cut breaks (a zero-initialised scale, a LayerScale of 1e-6), so the copy's are
moved.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import RequestError
from netchip.graph.checking import Comparison, compare
from netchip.graph.groups import ChannelGroup, Coupling
from netchip.graph.surgery import plan
from netchip.graph.tracing import call, map_tensors, quiet_copy, same_random_state

_ROUNDS = 2  # random masks that all groups must pass


def failing_groups(model: nn.Module, coupling: Coupling, example: Any, *, only_crashes: bool = False) -> dict[str, str]:
    """The groups whose trial cut fails, and how. With `only_crashes` a cut that runs but differs is let pass."""
    shaken, fitting = _shaken(model, example)
    trials = _Trials(shaken, coupling, fitting, only_crashes)
    groups = [group for group in coupling.groups if group.units > 1]
    failures: dict[str, str] = {}
    for seed in range(_ROUNDS):
        trials.seed = seed
        sound = [group for group in groups if group.name not in failures]
        alone = trials.search(sound)
        if alone:
            failures |= alone
            failures |= trials.together([group for group in sound if group.name not in alone])
    return failures


class _Trials:
    def __init__(self, model: nn.Module, coupling: Coupling, example: Any, only_crashes: bool) -> None:
        self._model, self._coupling, self._example, self._only_crashes = model, coupling, example, only_crashes
        self.seed = 0

    def search(self, groups: Sequence[ChannelGroup]) -> dict[str, str]:
        """Halves the set until the groups at fault stand alone."""
        fault = self._fault(groups)
        if not fault:
            return {}
        if len(groups) == 1:
            return {groups[0].name: fault}
        middle = len(groups) // 2
        return {**self.search(groups[:middle]), **self.search(groups[middle:])}

    def together(self, groups: Sequence[ChannelGroup]) -> dict[str, str]:
        """Groups that pass alone but not beside those before them."""
        if not self._fault(groups):
            return {}
        passed: list[ChannelGroup] = []
        failures: dict[str, str] = {}
        for group in groups:
            if fault := self._fault([*passed, group]):
                failures[group.name] = fault
            else:
                passed.append(group)
        return failures

    def _fault(self, groups: Sequence[ChannelGroup]) -> str:
        if not groups:
            return ""
        random = np.random.default_rng(self.seed)
        keep = {group.name: _half(random, group.units) for group in groups}
        try:
            found = compare(self._model, plan(self._coupling, keep), self._example)
        except RequestError as error:
            return str(error)
        return "" if self._passes(found) else str(found)

    def _passes(self, found: Comparison) -> bool:
        return found.equal or (self._only_crashes and not found.fault)


def _half(random: np.random.Generator, units: int) -> np.ndarray:
    keep = random.random(units) < 0.5
    first, second = random.permutation(units)[:2]
    keep[first], keep[second] = True, False
    return keep


def _shaken(model: nn.Module, example: Any) -> tuple[nn.Module, Any]:
    """A copy with moved weights, in float64 where the model runs in it, and the example in the same type."""
    copied = quiet_copy(model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in copied.parameters():
            _move(parameter, generator, 0.3)
        for name, buffer in copied.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                _move(buffer, generator, 0.1, positive=name.endswith("running_var"))
    wide = copied.double()
    wide_example = map_tensors(example, lambda t: t.double() if t.is_floating_point() else t)
    try:
        with same_random_state(), torch.inference_mode(False), torch.no_grad():
            call(wide, wide_example)
    except Exception:  # noqa: BLE001 (the model's own code may insist on float32 in any way)
        return copied.float(), example
    return wide, wide_example


def _move(tensor: Tensor, generator: torch.Generator, share: float, *, positive: bool = False) -> None:
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return
    noise = torch.randn(tensor.shape, generator=generator).to(tensor)
    if positive:
        tensor.mul_(torch.exp(share * noise))
        return
    spread = float(tensor.float().std()) if tensor.numel() > 1 else 0.0
    tensor.add_(noise, alpha=max(share * spread, 0.1 if tensor.dim() == 1 else 0.01))
