"""Spaces and networks on disk come back as they were."""

import json
from pathlib import Path

import pytest
import torch

from netchip.errors import DataError
from netchip.files import write_json
from netchip.methods.autogan_distiller.space import presets
from netchip.methods.autogan_distiller.space.files import load_network, save_network, space_from_json, space_to_json
from netchip.methods.autogan_distiller.space.operators import conv
from netchip.methods.autogan_distiller.space.space import Layer, Space

SPACES = (
    presets.translation_paper(),
    presets.super_resolution_paper(),
    presets.translation(),
    presets.super_resolution(3),
    Space("joined", (Layer("a", (conv(3),), 4), Layer("b", (conv(1),), 3, reads=("a", "input")))),
)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_a_space_comes_back_as_the_same_choices(space: Space) -> None:
    again = space_from_json(json.loads(json.dumps(space_to_json(space))))
    assert space_to_json(again) == space_to_json(space)
    assert again.variables == space.variables
    assert [layer.choices for layer in again.layers] == [layer.choices for layer in space.layers]
    assert [again.reads(step) for step in again.steps] == [space.reads(step) for step in space.steps]
    assert (again.output, again.as_paper, again.scale) == (space.output, space.as_paper, space.scale)


def test_a_network_comes_back_from_its_file(tmp_path: Path) -> None:
    space = presets.super_resolution(2, width=8, cells=1, layers=2)
    architecture = space.architecture({"up": 1, "cell1_layer1": 3}, {})
    save_network(tmp_path / "network.json", space, architecture)
    again, image = load_network(tmp_path / "network.json"), torch.rand(1, 3, 6, 6)
    first = space.derive(architecture)
    again.load_state_dict(first.state_dict())
    assert again.architecture == architecture
    assert torch.equal(again(image), first(image))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "network.json: this is not a derived network: it lacks the key 'space'"),
        ({"space": {}, "architecture": {}}, "this search space is of format None"),
        ({"space": {"format": 1, "steps": [{}]}, "architecture": {}}, "this is not a search space"),
        ({"space": space_to_json(SPACES[-1]), "architecture": {}}, "this architecture is of format None"),
    ],
)
def test_a_file_that_is_something_else(tmp_path: Path, content: dict, message: str) -> None:
    write_json(tmp_path / "network.json", content)
    with pytest.raises(DataError, match=message):
        load_network(tmp_path / "network.json")
