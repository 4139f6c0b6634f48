"""Trials out of a grid: their order, their settings, and what is refused before anything starts."""

from pathlib import Path
from typing import Any

import pytest

from netchip.compose.sweep.grid import trials_of
from netchip.compose.sweep.spec import SweepSpec
from netchip.errors import ConfigError
from netchip.methods.method import Method


def labels(**asked: Any) -> list[str]:
    return [trial.label for trial in trials_of(SweepSpec.parse(asked))]


@pytest.mark.usefixtures("toy")
def test_every_combination_with_seeds_innermost() -> None:
    assert labels(methods="toy/quick", seeds=[1, 2], budgets=["40%", "60%"], settings={"inner.size": [3, 4]}) == [
        f"toy/quick inner.size={size} budget={budget} seed={seed}"
        for size in (3, 4)
        for budget in ("40%", "60%")
        for seed in (1, 2)
    ]


@pytest.mark.usefixtures("toy")
def test_settings_lie_over_the_experiment_and_seeds_share_a_hash() -> None:
    one, two = trials_of(SweepSpec(methods=("toy/quick",), seeds=(1, 2), settings={"inner.size": (7,)}))
    assert one.config.model_dump() == {
        "seed": 1, "epochs": 2, "budget": "100%", "fail": "", "inner": {"size": 7, "precision": "no"}, "note": "",
    }  # fmt: skip
    folders = [each.folder(Path("r")) for each in (one, two)]
    assert folders[0].parent == folders[1].parent
    assert [folder.name for folder in folders] == ["seed-1", "seed-2"]


@pytest.mark.usefixtures("toy")
def test_without_an_experiment_the_defaults_hold() -> None:
    [trial] = trials_of(SweepSpec(methods=("toy",)))
    assert trial.config.model_dump()["epochs"] == 1
    assert "custom-" in trial.name


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"methods": ["toi"]}, "no method is called 'toi'"),
        ({"methods": ["toy/slow"]}, "toy has no experiment 'slow'; there are: quick"),
        ({"settings": {"epoch": [1]}}, "toy epoch=1: unknown key 'epoch' \\(did you mean 'epochs'\\?\\)"),
        ({"settings": {"epochs": ["many"]}}, "toy epochs=many: epochs = 'many'"),
        ({"settings": {"other:epochs": [1]}}, "'other:epochs' is for 'other', which this sweep does not run"),
        ({"chips": ["eyris"]}, "eyris"),
        ({"settings": {"note": ["a", "b"]}}, "'toy note=a' and 'toy note=b' are the same run"),
        ({"settings": {"epochs": [1, "1"]}}, "are the same run"),
    ],
)
def test_what_is_refused_before_anything_starts(toy: Method, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trials_of(SweepSpec.parse({"methods": ["toy"]} | asked))


@pytest.mark.parametrize(
    ("method", "setting", "value"),
    [
        ("early-bird", "macs", "60%"),
        ("smart-exchange", "exchange.target", "60%"),
        ("fractional-skipping", "budgets", ("60%",)),
        ("autogan-distiller", "budget", "60%"),
    ],
)
def test_a_budget_is_a_setting_of_each_method(method: str, setting: str, value: Any) -> None:
    [trial] = trials_of(SweepSpec(methods=(f"{method}/smoke",), budgets=("60%",)))
    found: Any = trial.config
    for part in setting.split("."):
        found = getattr(found, part)
    assert found == value
    assert trial.label == f"{method}/smoke budget=60%"


@pytest.mark.parametrize("method", ["early-bird", "smart-exchange", "fractional-skipping", "autogan-distiller"])
@pytest.mark.parametrize("budget", ["1parsec", "110%", "0"])
def test_a_budget_that_is_none_is_refused_before_anything_starts(method: str, budget: str) -> None:
    with pytest.raises(ConfigError, match=f"'{budget}'"):
        trials_of(SweepSpec(methods=(f"{method}/smoke",), budgets=(budget,)))


def test_a_setting_of_one_method_leaves_the_others_alone() -> None:
    spec = SweepSpec(methods=("early-bird/smoke", "smart-exchange/smoke"), settings={"early-bird:ratio": (0.3, 0.5)})
    assert [trial.label for trial in trials_of(spec)] == [
        "early-bird/smoke ratio=0.3", "early-bird/smoke ratio=0.5", "smart-exchange/smoke",
    ]  # fmt: skip
