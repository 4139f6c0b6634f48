"""What a sweep asks for, from words and from YAML."""

from typing import Any

import pytest

from netchip.compose.sweep.spec import SweepSpec, read_setting
from netchip.errors import ConfigError
from netchip.spec import config_hash


@pytest.mark.parametrize(
    ("word", "setting"),
    [
        ("data.batch_size=32,64", ("data.batch_size", (32, 64))),
        ("data.batch-size=32", ("data.batch_size", (32,))),
        ("early-bird:min-share=0.1, 0.2", ("early-bird:min_share", (0.1, 0.2))),
        ("train.precision=no,bf16", ("train.precision", ("no", "bf16"))),
        ("dense_baseline=true,false", ("dense_baseline", (True, False))),
        ("macs=60%,250M", ("macs", ("60%", "250M"))),
        ('options=["skip, 4", "int8"]', ("options", ("skip, 4", "int8"))),
        ("budgets=[[1, 2], [3]]", ("budgets", ([1, 2], [3]))),
        ("model.name=a.py:f=1", ("model.name", ("a.py:f=1",))),
    ],
)
def test_a_setting_and_its_values(word: str, setting: tuple[str, tuple[Any, ...]]) -> None:
    assert read_setting(word) == setting


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("data.batch_size", "--set 'data.batch_size': write a setting and its values, as in data.batch_size=32,64"),
        ("=3", "write a setting and its values"),
        ("epochs=", "write a setting and its values"),
        ("options=[skip]", "not a list of values"),
    ],
)
def test_what_is_no_setting(word: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_setting(word)


def test_one_value_may_stand_alone() -> None:
    asked = {"methods": "toy", "seeds": 3, "budgets": "60%", "chips": "eyeriss", "settings": {"epochs": 4}}
    spec = SweepSpec.parse(asked)
    assert (spec.methods, spec.seeds, spec.budgets, spec.chips) == (("toy",), (3,), ("60%",), ("eyeriss",))
    assert spec.settings == {"epochs": (4,)}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "methods"),
        ({"methods": []}, "methods"),
        ({"methods": ["a"], "seeds": [1, 1]}, "names one value twice"),
        ({"methods": ["a"], "settings": {"epochs": []}}, "epochs has no value to try"),
        ({"methods": ["a"], "seed": [1]}, "unknown key 'seed' \\(did you mean 'seeds'\\?\\)"),
        ({"methods": ["a"], "name": "a b"}, "name = 'a b'"),
        ({"methods": ["a"], "mappings": 0}, "mappings = 0"),
        ({"methods": ["a"], "settings": 3}, "settings = 3"),
    ],
)
def test_what_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SweepSpec.parse(data, source="grid.yaml")


def test_how_long_chips_are_searched_does_not_name_another_sweep() -> None:
    one, other = (SweepSpec(methods=("toy",), mappings=number) for number in (10, 20))
    assert config_hash(one) == config_hash(other) != config_hash(SweepSpec(methods=("toy",), seeds=(2,)))
