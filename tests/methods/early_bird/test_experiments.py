"""Named configurations: valid, pinned by hash where a change would orphan results, and free of torch."""

import subprocess
import sys

import pytest

from netchip.errors import ConfigError
from netchip.methods import find_method
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.spec import config_hash

METHOD = find_method("early-bird")


@pytest.mark.parametrize("name", METHOD.experiments)
def test_every_experiment_is_valid_and_described(name: str) -> None:
    config = METHOD.experiment(name)
    assert isinstance(config, EarlyBirdConfig)
    assert config.latest_epoch is None or config.latest_epoch < config.epochs
    assert EarlyBirdConfig.parse(config.model_dump(mode="json")) == config
    assert METHOD.experiments[name].__doc__


def test_the_hash_leaves_out_what_cannot_change_a_result() -> None:
    config = METHOD.experiment("smoke")
    quiet = config.changed(train={"progress": "quiet", "device": "cpu"}, data={"workers": 3})
    assert config_hash(quiet) == config_hash(config)
    assert config_hash(config.changed(ratio=0.31)) != config_hash(config)


def test_unknown_names_list_what_there_is() -> None:
    with pytest.raises(
        ConfigError, match="early-bird has no experiment 'digit'; there are: smoke, digits, cifar10-small"
    ):
        METHOD.experiment("digit")
    with pytest.raises(ConfigError, match="no method is called 'earlybird'; did you mean 'early-bird'"):
        find_method("earlybird")


def test_a_typo_in_a_setting_is_named() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'optimizer\.learning_rat' \(did you mean 'learning_rate'\?\)"):
        METHOD.experiment("smoke").changed(optimizer={"learning_rat": 0.1})
    with pytest.raises(ConfigError, match=r"ratio = 1\.2"):
        METHOD.experiment("smoke").changed(ratio=1.2)


def test_describing_the_method_imports_no_torch() -> None:
    code = (
        "import sys; from netchip.methods import find_method; "
        "find_method('early-bird').experiment('digits'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
