from collections.abc import Sequence
from typing import Self

import pytest
import torch
from torch import Tensor

from netchip.errors import ConfigError, DataError
from netchip.methods.autogan_distiller.objective.objective import Objective
from netchip.methods.autogan_distiller.objective.spec import (
    PIXELS,
    SUPER_RESOLUTION,
    TRANSLATION_FINAL,
    TRANSLATION_SEARCH,
    ObjectiveSpec,
)


class Doubling:
    """A backbone whose features are the pictures, doubled and tripled; it counts how often it ran."""

    layers = ("twice", "thrice")

    def __init__(self) -> None:
        self.calls = 0
        self.seen = torch.zeros(0)

    def features(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        self.calls += 1
        self.seen = images
        return {name: {"twice": 2.0, "thrice": 3.0}[name] * images for name in layers}

    def to(self, device: torch.device) -> Self:
        return self


def images(value: float) -> Tensor:
    return torch.full((1, 3, 2, 2), value)


def test_terms_and_their_weighted_sum_by_hand() -> None:
    """Constant pictures 0.5 against 0: pixel 0.5, perceptual 1.0 + 1.5, Gram entries (2 x 0.5)^2 x 4 / 12 = 1/3."""
    spec = ObjectiveSpec(
        pixel=2.0,
        perceptual=3.0,
        gram=9.0,
        variation=5.0,
        perceptual_layers=("twice", "thrice"),
        gram_layers=("twice",),
    )
    objective = Objective(spec, Doubling())
    terms = {name: float(value) for name, value in objective(images(0.5), objective.target(images(0.0))).items()}
    assert terms["pixel"] == 0.5
    assert terms["perceptual"] == 2.5
    assert terms["gram"] == pytest.approx(1 / 9)
    assert terms["variation"] == 0.0
    assert terms["loss"] == pytest.approx(2 * 0.5 + 3 * 2.5 + 9 / 9)


def test_the_backbone_sees_0_to_1_and_the_pixels_stay_as_they_are() -> None:
    backbone = Doubling()
    objective = Objective(ObjectiveSpec(perceptual=1.0, perceptual_layers=("twice",)), backbone, low=-1.0, high=1.0)
    terms = objective(images(1.0), objective.target(images(-1.0)))
    assert float(backbone.seen.max()) == 1.0
    assert (float(terms["pixel"]), float(terms["perceptual"])) == (2.0, 2.0)


def test_a_term_of_weight_0_costs_nothing() -> None:
    backbone = Doubling()
    objective = Objective(PIXELS, backbone)
    terms = objective(images(1.0), objective.target(images(0.0)))
    assert backbone.calls == 0
    assert set(terms) == {"loss", "pixel"}


def test_gradients_reach_the_output_and_not_the_target() -> None:
    objective = Objective(ObjectiveSpec(perceptual=1.0, perceptual_layers=("twice",)), Doubling())
    output, teacher = images(0.5).requires_grad_(), images(0.0).requires_grad_()
    objective(output, objective.target(teacher))["loss"].backward()
    assert output.grad is not None
    assert torch.allclose(output.grad, torch.full_like(output, 3.0 / 12.0))
    assert teacher.grad is None


def test_the_target_is_looked_at_once_for_many_widths() -> None:
    backbone = Doubling()
    objective = Objective(ObjectiveSpec(perceptual=1.0, perceptual_layers=("twice",)), backbone)
    target = objective.target(images(0.0))
    for value in (0.1, 0.2, 0.3):
        objective(images(value), target)
    assert backbone.calls == 4


def test_a_perceptual_term_without_a_backbone_is_refused() -> None:
    with pytest.raises(ConfigError, match="the perceptual and Gram terms need a backbone; give a file of weights"):
        Objective(SUPER_RESOLUTION)


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="the backbone has no layer 'conv5_4'; it has twice, thrice"):
        Objective(SUPER_RESOLUTION, Doubling())


def test_pictures_of_two_sizes_are_refused() -> None:
    objective = Objective(PIXELS)
    with pytest.raises(DataError, match=r"the student's pictures are \[1, 3, 2, 2\], the teacher's \[1, 3, 4, 4\]"):
        objective(images(0.0), objective.target(torch.zeros(1, 3, 4, 4)))


def test_a_spec_that_compares_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="every term that compares with the teacher has weight 0"):
        ObjectiveSpec.parse({"pixel": 0.0, "variation": 1.0})
    with pytest.raises(ConfigError, match=r"gram = 1\.0 looks at no layer; name some in gram_layers"):
        ObjectiveSpec.parse({"gram": 1.0})


def test_the_papers_weights() -> None:
    """(b, s, c, v) of section 5 of the notes: search (0, 1e5, 1, 0), final (1e-2, 1e5, 1, 0); SR (1e-2, -, 1, 0)."""
    as_tuple = [
        (s.pixel, s.gram, s.perceptual, s.variation) for s in (TRANSLATION_SEARCH, TRANSLATION_FINAL, SUPER_RESOLUTION)
    ]
    assert as_tuple == [(0.0, 1e5, 1.0, 0.0), (1e-2, 1e5, 1.0, 0.0), (1e-2, 0.0, 1.0, 0.0)]
    assert TRANSLATION_SEARCH.layers == ("relu2_2", "relu1_2", "relu3_3", "relu4_3")
    assert PIXELS.layers == ()
