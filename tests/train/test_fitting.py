"""A network that does not fit its data is refused before training, with the setting to change."""

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.train.fitting import check_classifier


def network(channels: int = 1, classes: int = 10) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
    )


def test_a_network_that_fits_is_left_as_it_was() -> None:
    fits = network().train()
    before = {name: tensor.clone() for name, tensor in fits.state_dict().items()}
    check_classifier(fits, (1, 8, 8), 10)
    assert fits.training
    assert all(torch.equal(before[name], tensor) for name, tensor in fits.state_dict().items())


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (network(channels=3), r"cannot take the data's images of 1x8x8 .*set --model\.in-channels 1"),
        (network(classes=7), r"the data has 10 classes, the network tells 7 apart; set --model\.classes 10"),
        (nn.Conv2d(1, 10, 3), r"scores of shape \[batch, classes\], found shape \[2, 10, 6, 6\]"),
        (nn.LSTM(8, 4), r"the network"),
    ],
)
def test_what_does_not_fit_names_the_setting(made: nn.Module, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_classifier(made, (1, 8, 8), 10)
