"""Models named on the command line."""

import pytest
import torch

from netchip.cli.subject import find_subject, input_sizes, model_spec, whole_numbers
from netchip.errors import ConfigError, DataError


def test_the_input_decides_channels_and_side() -> None:
    spec = model_spec("resnet20", "4,1,16,16", 7)
    assert (spec.in_channels, spec.image_size, spec.classes) == (1, 16, 7)
    assert find_subject("resnet8", "4,1,16,16").example.shape == (4, 1, 16, 16)


def test_networks_made_for_imagenet_tell_1000_classes_apart_unless_told() -> None:
    assert model_spec("resnet50", None, None).classes == 1000
    assert model_spec("resnet50", None, 5).classes == 5
    assert model_spec("resnet20", None, None).classes == 10


@pytest.mark.parametrize("shape", ["", "3", "a,b", "1,0,3", "1,-3,4"])
def test_what_is_no_shape_is_refused(shape: str) -> None:
    with pytest.raises(ConfigError, match="--input"):
        input_sizes(shape)


def test_shapes_and_lists() -> None:
    assert input_sizes("1x3x8x8") == (1, 3, 8, 8)
    assert whole_numbers("--batch", "1,64") == (1, 64)


def test_a_folder_that_holds_no_network_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="holds neither"):
        find_subject(str(tmp_path))


def test_fresh_weights_are_the_same_every_time_and_leave_the_random_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second = (find_subject("resnet8").models["resnet8"].state_dict() for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_network_of_the_users_that_does_not_take_the_guessed_input_says_what_to_give(tmp_path) -> None:
    file = tmp_path / "own.py"
    file.write_text("from torch import nn\n\ndef net():\n    return nn.Conv2d(1, 4, 3)\n")
    with pytest.raises(ConfigError, match=r"own.py:net does not run on an input of 1 x 3 x .*--input 1,1,28,28"):
        find_subject(f"{file}:net")
    assert find_subject(f"{file}:net", "1,1,8,8").example.shape == (1, 1, 8, 8)
