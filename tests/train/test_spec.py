import subprocess
import sys

import pytest

from netchip.errors import ConfigError
from netchip.spec import config_hash
from netchip.train.spec import OptimizerSpec, TrainSpec


def test_only_precision_and_accumulation_are_in_the_hash():
    changed = TrainSpec(device="cpu", threads=3, checkpoint_seconds=1, log_every=7, tensorboard=True, progress="quiet")
    assert config_hash(changed) == config_hash(TrainSpec())
    assert config_hash(TrainSpec(precision="bf16")) != config_hash(TrainSpec())
    assert config_hash(TrainSpec(accumulate=2)) != config_hash(TrainSpec())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "multistep"}, "needs milestones"),
        ({"schedule": "multistep", "milestones": (8, 4)}, r"milestones \(8, 4\) must be epochs"),
        ({"name": "adam", "nesterov": True}, "nesterov needs name 'sgd'"),
        ({"learning_rate": 0}, "learning_rate = 0"),
        ({"learningrate": 1}, "unknown key 'learningrate' .did you mean 'learning_rate'"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        OptimizerSpec.parse(settings)


def test_it_imports_no_torch():
    code = "import sys, netchip.train.spec, netchip.train.rundir; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
