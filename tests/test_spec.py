"""Configuration values: faults read as one line each, hashes name what can change a result."""

from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from netchip.errors import ConfigError
from netchip.spec import Spec, config_hash, merge, neutral, significant


class Inner(Spec):
    rate: float = Field(0.1, gt=0)
    kind: Literal["sgd", "adam"] = "sgd"
    device: str = neutral("auto")


class Outer(Spec):
    epochs: int = 3
    inner: Inner = Inner()
    workers: int = neutral(0, ge=0)
    milestones: tuple[int, ...] = ()


class Shelf(Spec):
    inners: tuple[Inner, ...] = ()
    named: Mapping[str, Inner] = {}


def test_plain_data_becomes_a_frozen_value() -> None:
    spec = Outer.parse({"epochs": 5, "inner": {"kind": "adam"}})
    assert (spec.epochs, spec.inner.kind, spec.inner.rate) == (5, "adam", 0.1)
    with pytest.raises(ValidationError, match="frozen"):
        spec.epochs = 6  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"epoch": 5}, r"unknown key 'epoch' \(did you mean 'epochs'\?\)"),
        ({"inner": {"rat": 1}}, r"unknown key 'inner\.rat' \(did you mean 'rate'\?\)"),
        ({"zzz": 5}, r"unknown key 'zzz' \(known: epochs, inner, workers, milestones\)"),
        ({"epochs": "many"}, r"epochs = 'many': .*integer"),
        ({"inner": {"rate": -1}}, r"inner\.rate = -1: .*greater than 0"),
        ({"inner": {"kind": "rmsprop"}}, r"inner\.kind = 'rmsprop': .*'sgd' or 'adam'"),
        ({"workers": -1}, r"workers = -1: "),
    ],
)
def test_faults_name_the_field_the_value_and_what_is_allowed(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match="^settings\\.yaml: " + message):
        Outer.parse(data, source="settings.yaml")


@pytest.mark.parametrize("data", [{"inners": [{}, {"rat": 1}]}, {"named": {"first": {"rat": 1}}}])
def test_an_unknown_key_inside_a_container_is_compared_with_the_names_there(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"\(did you mean 'rate'\?\)$"):
        Shelf.parse(data)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"epochs = 'x'.*; .*inner\.rate = 0"):
        Outer.parse({"epochs": "x", "inner": {"rate": 0}})


def test_a_copy_with_changes_keeps_the_rest_and_is_validated() -> None:
    spec = Outer.parse({"epochs": 5, "inner": {"kind": "adam"}})
    changed = spec.changed(inner={"rate": 0.5})
    assert (changed.epochs, changed.inner.kind, changed.inner.rate) == (5, "adam", 0.5)
    assert spec.inner.rate == 0.1
    with pytest.raises(ConfigError, match="epochs = None"):
        spec.changed(epochs=None)


def test_merging_leaves_both_as_they_were() -> None:
    base, changes = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "d": {"e": 4}}
    assert merge(base, changes) == {"a": {"b": 9, "c": 2}, "d": {"e": 4}}
    assert (base, changes) == ({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "d": {"e": 4}})


def test_the_hash_of_a_toy_config_is_pinned() -> None:
    """Run folders carry it: a change of this value would lose every run on disk."""
    assert significant(Outer()) == {"epochs": 3, "inner": {"rate": 0.1, "kind": "sgd"}, "milestones": []}
    assert config_hash(Outer()) == "606068c9"


def test_the_hash_leaves_out_what_cannot_change_a_result() -> None:
    assert config_hash(Outer(workers=4, inner=Inner(device="cuda"))) == config_hash(Outer())


@pytest.mark.parametrize("changes", [{"epochs": 4}, {"inner": {"rate": 0.2}}, {"milestones": (1,)}])
def test_the_hash_sees_what_can(changes: dict[str, Any]) -> None:
    assert config_hash(Outer().changed(**changes)) != config_hash(Outer())


@given(st.integers(0, 10), st.floats(0.01, 10), st.lists(st.integers(0, 9)))
def test_the_hash_survives_json(epochs: int, rate: float, milestones: list[int]) -> None:
    spec = Outer(epochs=epochs, inner=Inner(rate=rate), milestones=tuple(milestones))
    assert config_hash(Outer.parse(spec.model_dump(mode="json"))) == config_hash(spec)
