from pathlib import Path

import pytest

from netchip.errors import ConfigError
from netchip.methods import find_method
from netchip.methods.autogan_distiller.config import AutoganDistillerConfig
from netchip.methods.autogan_distiller.costing.budgets import parse_budget
from netchip.methods.autogan_distiller.costing.choosing import make_target, random_networks
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.ready_space import build_space
from netchip.methods.autogan_distiller.spec import SpaceSpec
from netchip.methods.autogan_distiller.teacher.building import shape_of

METHOD = find_method("autogan-distiller")
SCALES = {"smoke": 2, "demo": 2, "photos-x2": 2, "srgan-x4": 4, "facades": 1, "facades-256": 1}


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
    with pytest.raises(
        ConfigError, match="finalist_epochs = 2: finalists are heard for longer than audition_epochs = 2"
    ):
        AutoganDistillerConfig.parse({"search": {"audition_epochs": 2, "finalist_epochs": 2}})
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


def test_the_embedded_run_can_have_five_random_networks_of_its_students_cost() -> None:
    """The controls and their number are settings; the space holds as many within 5 % of the budget."""
    config = METHOD.experiment("photos-x2").changed(controls=("random", "uniform"), random_networks=6)
    teacher = shape_of(config.teacher, 2, config.teacher.channels).eval()
    target = make_target(build_space(config.space, 2), parse_budget(config.budget), Macs(), (32, 32), teacher)
    found = random_networks(target.table, target.budget, config.random_networks, seed=config.seed)
    assert len({str(each.architecture.to_json()) for each in found}) == 6
    assert all(0.95 * target.budget <= each.cost <= target.budget for each in found)
    assert AutoganDistillerConfig().random_networks >= 5


def test_feature_distillation_is_written_in_pairs_and_asks_online() -> None:
    with pytest.raises(ConfigError, match="layers: 'conv1' is no pair of layers; write \"TEACHER=STUDENT\""):
        AutoganDistillerConfig.parse({"features": {"layers": ["conv1"]}, "targets": "online"})
    with pytest.raises(ConfigError, match='compared as the teacher answers; set targets = "online"'):
        AutoganDistillerConfig.parse({"features": {"layers": ["conv1=layers.first"]}})
    found = AutoganDistillerConfig.parse({"features": {"layers": ["conv1 = layers.first"]}, "targets": "online"})
    assert found.features.pairs == {"conv1": "layers.first"}
