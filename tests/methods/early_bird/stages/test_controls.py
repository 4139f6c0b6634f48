"""Controls: a random ticket is as large as the drawn one, a uniform network costs as many MACs, and both are trained alike."""

import copy
import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import netchip
from netchip.errors import ConfigError
from netchip.methods.early_bird import experiments
from netchip.methods.early_bird.run import run
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages import controls
from netchip.methods.early_bird.stages.controls import check_width, cut_like, dense_at, uniform_width
from netchip.methods.early_bird.stages.draws import Draw, Draws
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.train.rundir import RunDir
from netchip.train.spec import OptimizerSpec

COUNTED = functools.cache(controls._macs)
SPEC = OptimizerSpec(learning_rate=0.1, momentum=0.9)


@pytest.fixture
def drawn(network: nn.Sequential, example: torch.Tensor, tmp_path: Path) -> tuple[TicketSearch, Draw]:
    """A search of one step, its ticket, and the network at the draw on disk."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    search, draws = TicketSearch(network, example, ratio=0.5, min_share=0.25), Draws(tmp_path)
    network(example).square().sum().backward()
    optimizer.step()
    search.end_epoch()
    draws.write("0.5", search.draw(), 1, network, optimizer)
    return search, draws.read("0.5", example)


def test_a_random_ticket_is_as_wide_in_every_layer(drawn: tuple[TicketSearch, Draw]) -> None:
    search, draw = drawn
    widths = {group.name: (group.units - group.removed_units, group.units) for group in search.random_plan(0).groups}
    assert widths == dict(draw.ticket.widths)
    assert search.random_plan(0) == search.random_plan(0)
    assert search.random_plan(0) != search.random_plan(1)
    assert search.random_plan(0) != draw.ticket.plan


def test_a_control_starts_from_the_network_at_the_draw(
    network: nn.Sequential, drawn: tuple[TicketSearch, Draw]
) -> None:
    """Weights and momentum of the draw, whatever happens to the searched network afterwards."""
    search, draw = drawn
    kept_weight = network[0].weight.detach().clone()
    with torch.no_grad():
        network[0].weight.zero_()
    trainee, plan = dense_at(draw, copy.deepcopy(network), SPEC), search.random_plan(3)
    momentum = trainee.optimizer.state[trainee.network[0].weight]["momentum_buffer"].clone()  # type: ignore[index]
    assert momentum.any()
    cut_like(draw, trainee, plan, search)
    kept = np.setdiff1d(np.arange(8), plan.removed["0", "out"])
    layer = trainee.network[0]  # type: ignore[index]
    assert torch.equal(layer.weight, kept_weight[kept])
    assert torch.equal(trainee.optimizer.state[layer.weight]["momentum_buffer"], momentum[kept])
    assert plan != draw.ticket.plan


def test_a_control_of_a_rewound_ticket_is_rewound_too(
    network: nn.Sequential, example: torch.Tensor, tmp_path: Path
) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    first = network[0].weight.detach().clone()
    search, draws = TicketSearch(network, example, weights="rewind"), Draws(tmp_path)
    network(example).square().sum().backward()
    optimizer.step()
    search.end_epoch()
    draws.write("0.5", search.draw(), 1, network, optimizer)
    draw = draws.read("0.5", example)
    trainee, plan = dense_at(draw, copy.deepcopy(network), SPEC), search.random_plan(0)
    cut_like(draw, trainee, plan, search)
    kept = np.setdiff1d(np.arange(8), plan.removed["0", "out"])
    assert torch.equal(trainee.network[0].weight, first[kept])  # type: ignore[index]
    assert not trainee.optimizer.state


def test_the_plan_of_another_network_follows_its_own_scales(
    network: nn.Sequential, drawn: tuple[TicketSearch, Draw]
) -> None:
    search, draw = drawn
    assert search.plan_from(network) == draw.ticket.plan
    later = copy.deepcopy(network)
    with torch.no_grad():
        later[1].weight.copy_(later[1].weight.flip(0))
    assert search.plan_from(later) != draw.ticket.plan


@pytest.fixture
def counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that the search for a width has counted is not captured for its MACs again."""
    monkeypatch.setattr(controls, "_macs", COUNTED)


@pytest.mark.parametrize("share", [0.25, 0.6, 0.9])
@pytest.mark.usefixtures("counted_once")
def test_a_uniform_network_of_as_many_macs(share: float) -> None:
    spec = ModelSpec(name="resnet8", image_size=16, in_channels=1)

    def macs(of: ModelSpec) -> int:
        return int(netchip.to_workload(build(of), example_input(of)).macs)

    wanted = share * macs(spec)
    narrow = uniform_width(spec, int(wanted))
    assert narrow.width < 1
    assert macs(narrow) == pytest.approx(wanted, rel=0.06), "sixteen channels can only lose whole ones"


def test_a_network_without_a_width_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"controls 'uniform' needs a network with a width multiplier, and torch\.nn:Identity"
    ):
        check_width(ModelSpec(name="torch.nn:Identity"))


@pytest.mark.usefixtures("counted_once")
def test_a_run_with_all_controls(tmp_path: Path) -> None:
    config = experiments.smoke().changed(
        epochs=3,
        latest_epoch=2,
        data={"batch_size": 128},
        train={"progress": "quiet", "deterministic": True},
        controls=("random", "uniform", "late"),
    )
    with RunDir.open(tmp_path, "early-bird", "controls", config, config.seed) as rundir:
        result = run(config, rundir)
        again = run(config, rundir)
    assert [arm.name for arm in result.arms] == ["dense", "uniform", "random", "late", "ticket"]
    assert [arm.role for arm in result.arms] == ["baseline"] * 4 + ["ours"]
    assert again.metrics == result.metrics
    by_name = {arm.name: arm for arm in result.arms}
    example = example_input(config.model)
    for name, folder in {
        "random": "random",
        "late": "late",
        "uniform": "uniform",
        "dense": "dense",
        "ticket": ".",
    }.items():
        network = netchip.load(rundir.path / folder)
        assert netchip.to_workload(network, example).macs == by_name[name].counted["macs"]
    plain = config.changed(controls=())
    with RunDir.open(tmp_path, "early-bird", "plain", plain, plain.seed) as other:
        run(plain, other)
    assert (other.path / "model.safetensors").read_bytes() == (rundir.path / "model.safetensors").read_bytes(), (
        "controls must not change the ticket they are compared with"
    )
    narrow = by_name["uniform"].counted
    assert narrow["training_macs"] == 3 * 1024 * 3 * narrow["macs"]
    assert by_name["random"].counted["macs"] == by_name["ticket"].counted["macs"]
    dense, late = by_name["dense"].counted, by_name["late"].counted
    assert late["training_macs"] == 3 * 1024 * (3 * dense["macs"] + late["macs"]), (
        "three dense epochs, one of the ticket"
    )
    assert any(note.startswith("uniform: the same network at width") for note in result.notes)
