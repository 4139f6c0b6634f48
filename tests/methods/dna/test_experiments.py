"""Named configurations: valid, the same after JSON; what does not go together is refused with one line each."""

from pathlib import Path
from typing import Any

import pytest

from netchip.errors import ConfigError
from netchip.methods import find_method
from netchip.methods.dna.config import DnaConfig
from netchip.methods.dna.space.presets import BLOCKS
from netchip.methods.dna.spec import BLOCK_NAMES
from netchip.spec import config_hash

METHOD = find_method("dna")


@pytest.mark.parametrize("name", METHOD.experiments)
def test_every_experiment_is_valid_and_described(name: str) -> None:
    config = METHOD.experiment(name)
    assert isinstance(config, DnaConfig)
    assert DnaConfig.parse(config.model_dump(mode="json")) == config
    assert METHOD.experiments[name].__doc__


def test_the_released_blocks_are_the_default_ones() -> None:
    assert BLOCK_NAMES == BLOCKS


def test_the_hash_leaves_out_what_cannot_change_a_result() -> None:
    config = METHOD.experiment("smoke")
    assert config_hash(config.changed(train={"progress": "quiet"}, data={"workers": 3})) == config_hash(config)
    assert config_hash(config.changed(search={"proportional": 2.5})) != config_hash(config)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mode": "accelerator"}, "needs one network: set model .* or network .*; 0 are set"),
        ({"mode": "evaluate", "accelerator": Path("a.json"), "model": {}, "network": Path("b")}, "2 are set"),
        ({"model": {"name": "resnet20"}}, "model is set, but mode = 'joint' searches its network"),
        ({"mode": "network"}, "mode = 'network' needs the file of one"),
        ({"accelerator": Path("a.json")}, "mode = 'joint' searches it"),
        ({"mode": "network", "accelerator": Path("a"), "controls": ("random",)}, "controls belong to mode = 'joint'"),
        ({"train": {"accumulate": 2}}, "use 1 and smaller batches"),
        ({"search": {"epochs": 0}}, "search.epochs = 0"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        DnaConfig.parse(changes)
