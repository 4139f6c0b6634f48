"""What a ticket starts from: the draw's weights, an earlier epoch's, or fresh ones."""

import copy

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.methods.early_bird.starting_weights import StartingWeights


def weights(name: str, model: nn.Module, **more: object) -> StartingWeights:
    settings: dict[str, object] = {"rewind_epoch": 0, "seed": 0, "fresh": None} | more
    return StartingWeights(name, model, **settings)  # type: ignore[arg-type]


def changed(model: nn.Module) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_inherited_weights_are_those_of_now(network: nn.Sequential) -> None:
    source = weights("inherit", network)
    changed(network)
    assert equal(source.source(network), network)
    assert (source.label, source.first_epoch(7)) == ("inherit", 7)


@pytest.mark.parametrize("epoch", [0, 2])
def test_rewound_weights_are_those_of_that_epoch(network: nn.Sequential, epoch: int) -> None:
    source, kept = weights("rewind", network, rewind_epoch=epoch), copy.deepcopy(network)
    for done in range(1, 5):
        changed(network)
        source.end_epoch(network, done)
        if done == epoch:
            kept = copy.deepcopy(network)
    assert equal(source.source(network), kept)
    assert not equal(network, kept)
    assert (source.label, source.first_epoch(7)) == (f"rewind to epoch {epoch}", epoch)


def test_rewound_weights_survive_a_resume(network: nn.Sequential) -> None:
    first = weights("rewind", network)
    saved, kept = first.state_dict(), copy.deepcopy(network)
    changed(network)
    second = weights("rewind", network)
    second.load_state_dict(saved)
    assert equal(second.source(network), kept)


def test_fresh_weights_come_from_the_given_function(network: nn.Sequential) -> None:
    before = torch.get_rng_state()
    source = weights("reinit", network, fresh=lambda: nn.Sequential(nn.Linear(2, 2)))
    first, second = source.source(network), source.source(network)
    assert equal(first, second)
    assert torch.equal(before, torch.get_rng_state()), "the training's generator is left alone"
    assert source.first_epoch(7) == 0
    assert not equal(
        first, weights("reinit", network, seed=1, fresh=lambda: nn.Sequential(nn.Linear(2, 2))).source(network)
    )


def test_they_are_not_the_first_weights_of_the_same_seed() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 3)
    assert not equal(weights("reinit", model, fresh=lambda: nn.Linear(3, 3)).source(model), model)


def test_without_a_function_every_layer_is_reset(network: nn.Sequential) -> None:
    changed(network)
    fresh = weights("reinit", network).source(network)
    assert fresh[1].weight.eq(1).all()
    assert fresh[1].running_mean.eq(0).all()
    assert not torch.equal(fresh[0].weight, network[0].weight)


def test_what_cannot_be_reset_is_named() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.scale = nn.Linear(2, 2), nn.Parameter(torch.ones(1))

    with pytest.raises(
        ConfigError, match=r"the model \(Scaled\) has no reset_parameters\(\) for its 'scale'; give a function"
    ):
        weights("reinit", Scaled())
