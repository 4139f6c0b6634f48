"""The distillation objective d(student, teacher): weighted pixel, perceptual, Gram and variation terms. No adversary anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from netchip.errors import ConfigError, DataError
from netchip.methods.autogan_distiller.objective.backbone import Backbone, check_layers
from netchip.methods.autogan_distiller.objective.spec import ObjectiveSpec
from netchip.methods.autogan_distiller.objective.terms import absolute_distance, gram_distance, total_variation


@dataclass(frozen=True, eq=False)
class Target:
    """The teacher's answer [B, C, H, W] and its features; made once and compared with the outputs of many widths."""

    images: Tensor
    features: Mapping[str, Tensor] = field(default_factory=dict)


class Objective:
    """d(output, target) in weighted terms; the backbone runs only for terms whose weight is above 0.

        objective = Objective(ObjectiveSpec(pixel=1.0, perceptual=0.1, perceptual_layers=("fire3",)), SqueezeNet.from_file(path))
        terms = objective(student(images), objective.target(teacher(images)))
        terms["loss"].backward()

    `low` and `high` are the range of the pictures' values; the backbone sees them mapped to 0..1, the pixel and variation
    terms as they are. Raises `ConfigError` for a term that needs a backbone where there is none, or a layer it has not.
    """

    def __init__(
        self, spec: ObjectiveSpec, backbone: Backbone | None = None, *, low: float = 0.0, high: float = 1.0
    ) -> None:
        self.spec = spec
        self._low, self._span = low, high - low
        self._layers = spec.layers
        if self._layers and backbone is None:
            raise ConfigError(
                "the perceptual and Gram terms need a backbone; give a file of weights, or set their weights to 0"
            )
        if backbone is not None:
            check_layers(backbone, self._layers)
        self._backbone = backbone if self._layers else None

    def to(self, device: torch.device) -> Self:
        """Moves the backbone."""
        if self._backbone is not None:
            self._backbone = self._backbone.to(device)
        return self

    @torch.no_grad()
    def target(self, images: Tensor) -> Target:
        """The teacher's answer, ready to be compared with."""
        return Target(images.detach(), self._features(images))

    def __call__(self, output: Tensor, target: Target) -> dict[str, Tensor]:
        """ "loss", the weighted sum, with gradients, and each term on its own, unweighted and without."""
        if output.shape != target.images.shape:
            raise DataError(
                f"the student's pictures are {list(output.shape)}, the teacher's {list(target.images.shape)}; "
                "they must be of one size: check the scale of the search space"
            )
        terms = self._terms(output, target)
        weighted = [getattr(self.spec, name) * value for name, value in terms.items()]
        return {"loss": torch.stack(weighted).sum(), **{name: value.detach() for name, value in terms.items()}}

    def _terms(self, output: Tensor, target: Target) -> dict[str, Tensor]:
        spec, found = self.spec, self._features(output)
        terms: dict[str, Tensor] = {}
        if spec.pixel:
            terms["pixel"] = absolute_distance(output, target.images)
        if spec.perceptual:
            each = [absolute_distance(found[name], target.features[name]) for name in spec.perceptual_layers]
            terms["perceptual"] = torch.stack(each).sum()
        if spec.gram:
            each = [gram_distance(found[name], target.features[name]) for name in spec.gram_layers]
            terms["gram"] = torch.stack(each).sum()
        if spec.variation:
            terms["variation"] = total_variation(output)
        return terms

    def _features(self, images: Tensor) -> dict[str, Tensor]:
        if self._backbone is None:
            return {}
        return self._backbone.features((images - self._low) / self._span, self._layers)
