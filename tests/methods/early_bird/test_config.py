"""The settings: the paper's values by default, ranges that are refused, a description for every flag."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.early_bird.config import EarlyBirdConfig


def test_the_papers_values_are_the_defaults() -> None:
    config = EarlyBirdConfig()
    assert (config.eps, config.window, config.l1, config.epochs) == (0.1, 5, 1e-4, 160)
    assert config.dense_baseline, "a ticket is never shown without what it is compared with"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("eps", 0.0),
        ("window", 1),
        ("l1", -1.0),
        ("min_share", 1.0),
        ("epochs", 0),
        ("latest_epoch", 0),
    ],
)
def test_values_out_of_range_are_named(setting: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"{setting} = {value}: Input should be"):
        EarlyBirdConfig.parse({setting: value})


@pytest.mark.parametrize("ratio", [0.0, 1.0, (), (0.5, 0.5), (0.3, 1.2)])
def test_ratios_that_are_no_shares_or_stand_there_twice(ratio: object) -> None:
    with pytest.raises(ConfigError, match=r"ratio = .*give one or more different shares of channels to remove"):
        EarlyBirdConfig.parse({"ratio": ratio})


def test_one_ratio_or_several() -> None:
    assert EarlyBirdConfig.parse({"ratio": 0.3}).ratio == (0.3,)
    assert EarlyBirdConfig.parse({"ratio": [0.3, 0.7]}).ratio == (0.3, 0.7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 10, "latest_epoch": 11}, "latest_epoch = 11 comes after the last of 10 epochs"),
        ({"weights": "rewind", "epochs": 10, "rewind_epoch": 10}, "rewind_epoch = 10 is not among the 10 epochs"),
        ({"controls": ["late"], "importance": "taylor"}, "controls 'late' scores a trained network"),
        ({"epochs": 5}, "window = 5: the rule 'official' needs 5 masks, one an epoch; in 5 epochs"),
        ({"epochs": 6, "detector": "paper"}, "window = 5: the rule 'paper' needs 6 masks, one an epoch; in 6 epochs"),
        (
            {"search_precision": "bfp8", "optimizer": {"name": "adam"}},
            "search_precision = 'bfp8' rounds what adam keeps of squared gradients",
        ),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EarlyBirdConfig.parse(settings)


def test_a_window_longer_than_the_training_is_fine_with_a_latest_epoch_or_by_steps() -> None:
    assert EarlyBirdConfig(epochs=5, latest_epoch=3).window == 5
    assert EarlyBirdConfig(epochs=5, every_steps=10).window == 5


def test_an_unknown_rule_lists_the_known() -> None:
    with pytest.raises(
        ConfigError, match="detector = 'offical': Input should be 'official', 'paper', 'normalized' or 'widths'"
    ):
        EarlyBirdConfig.parse({"detector": "offical"})


def test_every_own_setting_is_described() -> None:
    plain = {
        name: field
        for name, field in EarlyBirdConfig.model_fields.items()
        if name not in ("data", "model", "optimizer", "train")
    }
    assert all(field.description for field in plain.values())
