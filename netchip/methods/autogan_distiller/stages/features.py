"""Feature distillation: inner maps of the student, through a 1x1 convolution, are drawn to those of named layers of the teacher."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.utils.hooks import RemovableHandle

from netchip.errors import ConfigError


class FeatureMatching:
    """Pairs of layers, the teacher's name to the student's, with one learned adaptor each.

    Maps are caught as the two networks run; the teacher must be a module that is asked online, on the same batch. `example` is
    one input, by which the channels are found. Raises `ConfigError` for a layer that is not there or makes no maps.
    """

    def __init__(
        self,
        teacher: nn.Module,
        student: nn.Module,
        layers: Mapping[str, str],
        example: Tensor,
        *,
        weight: float = 1.0,
    ) -> None:
        self.weight, self._caught = weight, {"teacher": dict[str, Tensor](), "student": dict[str, Tensor]()}
        self._hooks: list[RemovableHandle] = []
        for side, network, names in (("teacher", teacher, layers.keys()), ("student", student, layers.values())):
            for name in names:
                self._hooks.append(_layer(network, name, side).register_forward_hook(self._catching(side, name)))
        with torch.no_grad():
            for network in (teacher, student):
                network(example.to(next(iter(network.parameters()), example).device))
        self._layers = dict(layers)
        self.adaptors = nn.ModuleDict()
        for index, (above, below) in enumerate(layers.items()):
            self.adaptors[str(index)] = nn.Conv2d(self._channels("student", below), self._channels("teacher", above), 1)

    def added(self, loss: Tensor) -> dict[str, Tensor]:
        """The new "loss", and "feature", the mean squared difference summed over the pairs of layers."""
        parts: list[Tensor] = []
        for index, (above, below) in enumerate(self._layers.items()):
            target, own = self._caught["teacher"][above].detach().float(), self._caught["student"][below].float()
            adapted = self.adaptors[str(index)](own)
            if adapted.shape[2:] != target.shape[2:]:
                adapted = interpolate(adapted, size=target.shape[2:], mode="bilinear", align_corners=False)
            parts.append((adapted - target).square().mean())
        term = torch.stack(parts).sum()
        return {"loss": loss + self.weight * term, "feature": term.detach()}

    def close(self) -> None:
        """Catches no more maps."""
        for hook in self._hooks:
            hook.remove()

    def _catching(self, side: str, name: str) -> Any:
        def catch(_module: nn.Module, _inputs: Any, output: Any) -> None:
            self._caught[side][name] = output

        return catch

    def _channels(self, side: str, name: str) -> int:
        found: Any = self._caught[side].get(name)
        if not isinstance(found, Tensor) or found.ndim != 4:
            raise ConfigError(
                f"the {side}'s layer {name!r} makes no maps [B, C, H, W]; name another for feature distillation"
            )
        return int(found.shape[1])


def _layer(network: nn.Module, name: str, side: str) -> nn.Module:
    modules = dict(network.named_modules())
    if name not in modules or not name:
        known = ", ".join([each for each in modules if each][:12])
        raise ConfigError(f"the {side} has no layer {name!r} for feature distillation; it has {known}, ...")
    return modules[name]
