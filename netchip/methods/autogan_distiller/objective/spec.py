"""Which terms the objective has, at which weights; no torch. The presets are those of the released code (see README.md)."""

from typing import Self

from pydantic import Field, model_validator

from netchip.spec import Spec

_VGG16 = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


class ObjectiveSpec(Spec):
    """Weights of the terms, and the backbone's layers that the perceptual and Gram terms look at."""

    pixel: float = Field(default=1.0, ge=0, description="weight of the mean absolute difference of pixels (b)")
    perceptual: float = Field(
        default=0.0, ge=0, description="weight of the mean absolute difference of features, summed over its layers (c)"
    )
    gram: float = Field(
        default=0.0,
        ge=0,
        description="weight of the mean squared difference of Gram matrices, summed over its layers (s)",
    )
    variation: float = Field(default=0.0, ge=0, description="weight of the total variation of the output (v)")
    perceptual_layers: tuple[str, ...] = Field(default=(), description="layers of the perceptual term")
    gram_layers: tuple[str, ...] = Field(default=(), description="layers of the Gram term")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not (self.pixel or self.perceptual or self.gram):
            raise ValueError("every term that compares with the teacher has weight 0; set pixel, perceptual or gram")
        for name in ("perceptual", "gram"):
            if getattr(self, name) and not getattr(self, f"{name}_layers"):
                raise ValueError(f"{name} = {getattr(self, name)} looks at no layer; name some in {name}_layers")
        return self

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the terms whose weight is above 0."""
        wanted = (self.perceptual_layers if self.perceptual else ()) + (self.gram_layers if self.gram else ())
        return tuple(dict.fromkeys(wanted))


PIXELS = ObjectiveSpec()
"""Super-resolution in the paper: pretraining of the supernet, first stage of the final training."""
SUPER_RESOLUTION = ObjectiveSpec(pixel=1e-2, perceptual=1.0, perceptual_layers=("conv5_4",))
"""Super-resolution in the paper: search and second stage, over VGG-19."""
TRANSLATION_SEARCH = ObjectiveSpec(
    pixel=0.0, perceptual=1.0, gram=1e5, perceptual_layers=("relu2_2",), gram_layers=_VGG16
)
"""Translation in the paper: pretraining and search, over VGG-16 that is fed pixels of 0..1."""
TRANSLATION_FINAL = TRANSLATION_SEARCH.changed(pixel=1e-2)
"""Translation in the paper: training of the derived network."""
