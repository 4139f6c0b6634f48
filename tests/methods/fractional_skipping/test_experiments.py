"""Named configurations: valid, described, free of torch, and what settings are refused."""

import subprocess
import sys

import pytest

from netchip.errors import ConfigError
from netchip.methods import find_method
from netchip.methods.fractional_skipping.config import FractionalSkippingConfig
from netchip.methods.fractional_skipping.options import INT8, OptionSet
from netchip.models.build import build
from netchip.spec import config_hash

METHOD = find_method("fractional-skipping")


@pytest.mark.parametrize("name", METHOD.experiments)
def test_every_experiment_is_valid_and_described(name: str) -> None:
    config = METHOD.experiment(name)
    assert isinstance(config, FractionalSkippingConfig)
    assert FractionalSkippingConfig.parse(config.model_dump(mode="json")) == config
    assert METHOD.experiments[name].__doc__


@pytest.mark.parametrize(("name", "blocks"), [("resnet38-cifar10", 17), ("resnet74-cifar10", 35)])
def test_the_papers_networks(name: str, blocks: int) -> None:
    """Section 10 of the method's notes: 17 and 35 gated blocks; 64,000 iterations of 128 images; a strength that is 1e-5 there."""
    from netchip.methods.fractional_skipping.network import make_fractional

    config = METHOD.experiment(name)
    assert len(make_fractional(build(config.model), config.option_set()).sites) == blocks
    steps = 45_000 // 128
    assert [round(each * steps, -3) for each in (*config.optimizer.milestones, config.epochs)] == [
        32_000,
        48_000,
        64_000,
    ]
    assert round(config.gate_epochs * steps, -3) == 2_000
    assert config.strength == pytest.approx(1e-5 * 128 * blocks, rel=2e-3)


def test_describing_the_method_imports_no_torch() -> None:
    code = (
        "import sys; from netchip.methods import find_method; "
        "find_method('fractional-skipping').experiment('digits'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_options_are_a_preset_or_a_list() -> None:
    smoke = METHOD.experiment("smoke")
    assert smoke.changed(options="int8").option_set() is INT8
    assert smoke.changed(options="skip, 4x8, 8").option_set() == OptionSet.parse("skip, 4x8, 8", reference_bits=8)
    assert smoke.changed(options="full, skip").option_set().reference_bits == 32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": "skip, 4"}, "without the reference of 8 bits"),
        ({"options": "full"}, "a gate needs at least two"),
        ({"options": "skip, nine, 8"}, "write skip, full, 8"),
        ({"budgets": ("110%",)}, "above 0 % and at most 100 %"),
        ({"retarget": ("5 ms",)}, "such as '50%'"),
        ({"cap": "0%"}, "above 0 % and at most 100 %"),
        ({"budgets": ()}, "name at least one"),
        ({"budgets": ("50%", "50%")}, "names one twice"),
        ({"backbone": "weights.safetensors"}, "backbone_epochs must be 0"),
        ({"strength": 0}, "strength = 0"),
        ({"gate": "oracle"}, "gate = 'oracle'"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        METHOD.experiment("smoke").changed(**change)


def test_the_hash_leaves_out_what_cannot_change_a_result() -> None:
    config = METHOD.experiment("smoke")
    assert config_hash(config.changed(train={"progress": "quiet", "device": "cpu"})) == config_hash(config)
    assert config_hash(config.changed(tolerance=0.02)) != config_hash(config)
