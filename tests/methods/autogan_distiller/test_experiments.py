from pathlib import Path

import pytest

from netchip.errors import ConfigError
from netchip.methods import find_method
from netchip.methods.autogan_distiller.config import AutoganDistillerConfig
from netchip.methods.autogan_distiller.costing.budgets import parse_budget
from netchip.methods.autogan_distiller.costing.choosing import make_target
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.ready_space import build_space
from netchip.methods.autogan_distiller.spec import SpaceSpec
from netchip.methods.autogan_distiller.teacher.building import shape_of

METHOD = find_method("autogan-distiller")
SCALES = {"smoke": 2, "photos-x2": 2, "srgan-x4": 4, "facades": 1, "facades-256": 1}


@pytest.mark.parametrize("name", METHOD.experiments)
def test_every_experiment_has_a_space_that_its_budget_can_be_met_in(name: str) -> None:
    config = METHOD.experiment(name)
    assert (METHOD.experiments[name].__doc__ or "").strip()
    scale = SCALES[name]
    teacher = shape_of(config.teacher, scale, config.teacher.channels).eval()
    space = build_space(config.space, scale)
    side = 32  # shares are the same at any size
    target = make_target(space, parse_budget(config.budget), Macs(), (side, side), teacher)
    assert target.teacher is not None
    assert target.budget < 0.11 * target.teacher


def test_the_super_resolution_run_stays_under_a_tenth_of_92_gmacs() -> None:
    config = METHOD.experiment("srgan-x4")
    assert parse_budget(config.budget).value < 0.1
    assert config.space.name == "super_resolution"


def test_settings_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"final\.objective has perceptual or Gram terms, which need backbone\.weights"
    ):
        AutoganDistillerConfig.parse({"final": {"objective": {"perceptual": 1.0, "perceptual_layers": ["fire3"]}}})
    with pytest.raises(ConfigError, match=r"temperature = \(1\.0, 0\.0\): give temperatures above 0"):
        AutoganDistillerConfig.parse({"search": {"temperature": [1.0, 0.0]}})
    found = AutoganDistillerConfig.parse(
        {
            "final": {"objective": {"perceptual": 1.0, "perceptual_layers": ["fire3"]}},
            "backbone": {"weights": "w.safetensors"},
        }
    )
    assert found.backbone.weights == Path("w.safetensors")


def test_a_space_of_another_scale_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="'translation_w16_b2' enlarges by 1, the teacher by 2; take super_resolution"
    ):
        build_space(SpaceSpec(name="translation", width=16, cells=2), 2)
