"""Every named experiment is a whole configuration of a network that can be built."""

import pytest

from netchip.methods.smart_exchange import METHOD
from netchip.models.catalogue import check_name


@pytest.mark.parametrize("name", METHOD.experiments)
def test_an_experiment_is_whole(name: str) -> None:
    config = METHOD.experiment(name)
    check_name(config.model.name)
    assert type(config).parse(config.model_dump(mode="json")) == config
    assert METHOD.experiments[name].__doc__


def test_the_papers_settings_are_as_remembered() -> None:
    vgg, resnet = METHOD.experiment("vgg19-cifar10"), METHOD.experiment("resnet164-cifar10")
    assert (vgg.model.name, vgg.exchange.row_sparsity, vgg.retrain_epochs) == ("vgg19_bn", 0.928, 300)
    assert (vgg.retrain.learning_rate, vgg.retrain.factor, vgg.retrain.milestones[:2]) == (0.05, 0.5, (30, 60))
    assert (resnet.model.name, resnet.exchange.row_sparsity) == ("preresnet164", 0.376)
