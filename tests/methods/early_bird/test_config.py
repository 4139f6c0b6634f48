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
        ("ratio", 0.0),
        ("ratio", 1.0),
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
