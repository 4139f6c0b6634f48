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
from netchip.graph.checking import TOLERANCE, Comparison, compare
from netchip.graph.groups import ChannelGroup, Coupling
from netchip.graph.random_state import same_random_state
from netchip.graph.surgery import plan
from netchip.graph.tracing import call, map_tensors, quiet_copy

_ROUNDS = 2  # random masks that all groups must pass
_TOLERANCE_FLOAT64 = 1e-7  # so that a fault in an early layer is seen through many later ones


def failing_groups(model: nn.Module, coupling: Coupling, example: Any, *, only_crashes: bool = False) -> dict[str, str]:
    """The groups whose trial cut fails, and how. With `only_crashes` a cut that runs but differs is let pass."""
    shaken, fitting = _shaken(model, example)
    trials = _Trials(shaken, coupling, fitting, only_crashes)
    groups = [group for group in coupling.groups if group.units > 1]
    failures: dict[str, str] = {}
    for seed in range(_ROUNDS):
        trials.seed = seed
        sound = [group for group in groups if group.name not in failures]
        if fault := trials.fault(sound):
            alone = trials.search(sound, fault)
            failures |= alone | trials.together([group for group in sound if group.name not in alone])
    return failures


class _Trials:
    def __init__(self, model: nn.Module, coupling: Coupling, example: Any, only_crashes: bool) -> None:
        self._model, self._coupling, self._example, self._only_crashes = model, coupling, example, only_crashes
        self.seed = 0
        wide = any(parameter.dtype == torch.float64 for parameter in model.parameters())
        self._tolerance = _TOLERANCE_FLOAT64 if wide else TOLERANCE

    def search(self, groups: Sequence[ChannelGroup], fault: str) -> dict[str, str]:
        """Halves a set that has a fault until the groups at fault stand alone."""
        if len(groups) == 1:
            return {groups[0].name: fault}
        middle = len(groups) // 2
        halves = [(half, self.fault(half)) for half in (groups[:middle], groups[middle:])]
        return {name: found for half, fault in halves if fault for name, found in self.search(half, fault).items()}

    def together(self, groups: Sequence[ChannelGroup]) -> dict[str, str]:
        """Groups that pass alone but not beside those before them."""
        if not self.fault(groups):
            return {}
        passed: list[ChannelGroup] = []
        failures: dict[str, str] = {}
        for group in groups:
            if fault := self.fault([*passed, group]):
                failures[group.name] = fault
            else:
                passed.append(group)
        return failures

    def fault(self, groups: Sequence[ChannelGroup]) -> str:
        """What goes wrong when all of `groups` are cut at random; empty when nothing does."""
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
        return found.within(self._tolerance) or (self._only_crashes and not found.fault)


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
    if tensor.dim() > 1:
        tensor.mul_(max(1.0, _kept_scale(tensor) / float(tensor.float().std())))


def _kept_scale(weight: Tensor) -> float:
    """The standard deviation that keeps a signal's size through a ReLU (He et al. 2015), so that none dies out."""
    return (2 * weight.shape[0] / weight.numel()) ** 0.5
