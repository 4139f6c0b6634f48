"""The names there are, the sizes they were made for, and a name that is not there."""

import pytest

from netchip.errors import ModelError
from netchip.models.catalogue import check_name, model_names, native_size


def test_sizes_follow_the_data_a_network_was_published_on() -> None:
    assert {native_size(name) for name in ("vgg16_bn", "resnet20", "preresnet101")} == {32}
    assert {native_size(name) for name in ("resnet18", "resnet50", "mobilenet_v2", "elsewhere:net")} == {224}


def test_every_name_passes_and_another_gets_the_nearest() -> None:
    for name in model_names():
        check_name(name)
    with pytest.raises(
        ModelError, match=r"'preresnet100'; did you mean 'preresnet110'\?|did you mean 'preresnet101'\?"
    ):
        check_name("preresnet100")
    with pytest.raises(ModelError, match=r"known: vgg16_bn, .*others: timm:NAME"):
        check_name("zzz")
