"""What can be asked for, what is refused, and which fields name a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from netchip.data.spec import DatasetSpec
from netchip.errors import ConfigError
from netchip.spec import config_hash


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "cifar"}, r"'cifar' is no data source \(did you mean 'cifar10'\?\)"),
        ({"name": "imagenet-21k"}, r"known: digits, photos, cifar10, cifar10-small, folder:PATH"),
        ({"name": "folder:"}, "names no folder; write folder:PATH"),
        ({"image_size": 12}, "data.image_size = 12: digits come in 8, 16 or 32 pixels"),
        ({"image_size": 4}, "image_size = 4: .*greater than or equal to 8"),
        ({"name": "cifar10", "image_size": 4096}, "image_size = 4096: .*less than or equal to 512"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"augment": "mixup"}, "augment = 'mixup'"),
        ({"batchsize": 3}, "did you mean 'batch_size'"),
    ],
)
def test_a_wrong_request_is_refused_with_the_way_out(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DatasetSpec.parse(given)


def test_a_bare_folder_name_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"write 'folder:{tmp_path}'"):
        DatasetSpec(name=str(tmp_path))


def test_a_class_folder_is_a_path() -> None:
    assert DatasetSpec(name="folder:some/where").class_folder == Path("some/where")
    assert DatasetSpec().class_folder is None


def test_only_what_changes_the_result_is_hashed() -> None:
    spec = DatasetSpec()
    neutral = spec.changed(folder="x", workers=3, eval_batch_size=7, download=True)
    assert config_hash(neutral) == config_hash(spec)
    assert config_hash(spec.changed(batch_size=32)) != config_hash(spec)
    assert config_hash(spec.changed(on_broken="skip")) != config_hash(spec)


def test_the_spec_needs_no_torch() -> None:
    code = "import sys, netchip.data.spec; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
