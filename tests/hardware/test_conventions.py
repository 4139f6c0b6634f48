"""Presets of conventions, by name."""

import pytest

from netchip.errors import ConfigError, RequestError
from netchip.hardware.conventions import DEFAULT, PRESETS, ZIGZAG, Conventions, conventions_named


def test_presets_are_found_by_their_names_and_differ() -> None:
    assert {name: conventions_named(name).name for name in PRESETS} == {name: name for name in PRESETS}
    assert {"default", "zigzag", "timeloop", "timeloop4", "eyeriss16"} == set(PRESETS)
    assert len({tuple(each.model_dump(exclude={"name"}).values()) for each in PRESETS.values()}) == len(PRESETS)


def test_json_both_ways_and_changed() -> None:
    assert Conventions.parse(ZIGZAG.model_dump(mode="json")) == ZIGZAG
    assert ZIGZAG.changed(window_slides=True).window_slides


def test_an_unknown_name_and_an_unknown_choice_are_refused() -> None:
    with pytest.raises(
        RequestError, match="no conventions are called 'zag'; there are default, zigzag, timeloop, timeloop4, eyeriss16"
    ):
        conventions_named("zag")
    with pytest.raises(ConfigError, match=r"accesses = 'half': .*'whole' or 'elements'"):
        DEFAULT.changed(accesses="half")
