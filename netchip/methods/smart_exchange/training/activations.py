"""Inputs of treated layers on a grid of 8 bits (arXiv 2005.03403, section V-A), as hooks that can be taken off again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from netchip.errors import CheckpointMismatch, ConfigError
from netchip.graph.wrappers import unwrapped
from netchip.methods.smart_exchange.training.settings import ActivationSettings
from netchip.nn.quantize import affine_grid, fake_quantize

_DEFAULT = ActivationSettings()
_MOST_SORTED = 1 << 20  # values of a batch whose percentile is taken; more are thinned out evenly


class Activations:
    """Rounds what enters each of `layers` (names of modules) of `model` to an affine grid.

        activations = Activations(model, exchange.layer_names)
        activations.calibrate(images for images, _ in some_batches)   # not for range "moving"
        ...
        activations.remove()

    The ranges are those of the calibration batches (`minmax`, or the mean of their `percentile`s), or follow the training
    batches (`moving`); in eval mode they stay. Gradients pass straight through inside a range and stop outside. Inputs of
    whole numbers (of an embedding) are left alone.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str], settings: ActivationSettings = _DEFAULT) -> None:
        inner = unwrapped(model)
        modules = dict(inner.named_modules())
        if missing := [name for name in layers if name not in modules]:
            raise ConfigError(f"the network has no layer {missing[0]!r}, whose inputs were to be rounded")
        self.settings, self._model = settings, inner
        self._ranges: dict[str, Tensor] = {}
        self._seen: dict[str, list[Tensor]] | None = None
        self._handles = [modules[name].register_forward_pre_hook(self._hook(name)) for name in layers]
        self.layers = tuple(layers)

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """The range of each layer seen so far."""
        return {name: (float(found[0]), float(found[1])) for name, found in self._ranges.items()}

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Any]) -> Self:
        """Sets the ranges from `batches` (inputs, or tuples of them), run through the network in eval mode, unrounded.

        Raises `ConfigError` without batches, when a layer was never reached, or when its inputs are not finite.
        """
        training, self._seen = self._model.training, {}
        self._model.eval()
        try:
            for batch in batches:
                self._model(*(batch if isinstance(batch, tuple | list) else (batch,)))
            seen = self._seen
        finally:
            self._seen = None
            self._model.train(training)
        if not seen:
            raise ConfigError(
                "no batch reached a treated layer, so there are no ranges; give at least one batch of inputs"
            )
        for name, found in seen.items():
            self._ranges[name] = _joined(torch.stack(found), self.settings.range, name)
        return self

    def remove(self) -> None:
        """Takes the hooks off; the network computes as before."""
        for handle in self._handles:
            handle.remove()

    def state_dict(self) -> dict[str, Any]:
        """The ranges."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "ranges": {name: found.cpu() for name, found in self._ranges.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes them up; raises `CheckpointMismatch` for other settings or other layers."""
        own = self.settings.model_dump(mode="json")
        if state["settings"] != own or not set(state["ranges"]) <= set(self.layers):
            raise CheckpointMismatch(
                f"the saved ranges are of other settings or layers ({state['settings']} there, {own} here); calibrate anew"
            )
        self._ranges = {name: found.clone() for name, found in state["ranges"].items()}

    def _hook(self, name: str) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...] | None]:
        def rounded(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
            first, *rest = inputs
            if not isinstance(first, Tensor) or not first.is_floating_point():
                return None
            if self._seen is not None:
                self._seen.setdefault(name, []).append(_range_of(first, self.settings))
                return None
            return (self._round(name, first, module.training), *rest)

        return rounded

    def _round(self, name: str, x: Tensor, training: bool) -> Tensor:
        if training and self.settings.range == "moving":
            self._follow(name, x)
        if name not in self._ranges:
            raise ConfigError(f"the inputs of {name} have no range yet: call calibrate(batches) first")
        found = self._ranges[name].to(x.device)
        return fake_quantize(x, affine_grid(found[0], found[1], self.settings.bits)).to(x.dtype)

    def _follow(self, name: str, x: Tensor) -> None:
        """The released code's moving range: `momentum` of the old one, the rest of the newest batch."""
        now, before = _range_of(x, self.settings), self._ranges.get(name)
        share = self.settings.momentum
        self._ranges[name] = now if before is None else share * before.to(now.device) + (1.0 - share) * now


def _range_of(x: Tensor, settings: ActivationSettings) -> Tensor:
    """[2], float32: the low and the high end of one batch."""
    values = x.detach().float().flatten()
    if settings.range != "percentile":
        return torch.stack([values.amin(), values.amax()])
    thinned = values[:: -(-values.numel() // _MOST_SORTED)]
    share = settings.percentile / 100.0
    return torch.quantile(thinned, torch.tensor([1.0 - share, share], device=values.device))


def _joined(found: Tensor, kind: str, name: str) -> Tensor:
    """[2] out of [batches, 2]: the outermost ends, or the mean of percentiles."""
    if not bool(found.isfinite().all()):
        raise ConfigError(
            f"the inputs of {name} hold NaN or infinity on a calibration batch; look at the network first"
        )
    if kind == "percentile":
        return found.mean(dim=0)
    return torch.stack([found[:, 0].amin(), found[:, 1].amax()])
