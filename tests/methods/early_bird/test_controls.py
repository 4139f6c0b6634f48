"""Controls: a random ticket is as large as the drawn one, a uniform network costs as many MACs, and both are trained alike."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import netchip
from netchip.errors import ConfigError
from netchip.methods.early_bird import experiments
from netchip.methods.early_bird.controls import check_width, random_ticket, uniform_width
from netchip.methods.early_bird.masks import minimum_widths
from netchip.methods.early_bird.phases import SearchPhase
from netchip.methods.early_bird.run import run
from netchip.methods.early_bird.search import TicketSearch
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.train.rundir import RunDir
from netchip.train.spec import OptimizerSpec

SPEC = OptimizerSpec(learning_rate=0.1, momentum=0.9)


def searched(network: nn.Module, example: torch.Tensor) -> SearchPhase:
    phase = SearchPhase(network, SPEC, TicketSearch(network, example, ratio=0.5), latest_epoch=1)
    network(example).square().sum().backward()
    phase.optimizer.step()
    assert phase.end_epoch(0)
    return phase


def test_a_random_ticket_keeps_as_many_channels_and_the_least_widths(
    network: nn.Sequential, example: torch.Tensor
) -> None:
    search = TicketSearch(network, example, ratio=0.5, min_share=0.25)
    widths = [group.units - group.removed_units for group in search.random_plan(0).groups]
    assert sum(widths) == 10
    assert all(width >= least for width, least in zip(widths, minimum_widths([8, 12], 0.25), strict=True))
    assert search.random_plan(0) == search.random_plan(0)
    assert search.random_plan(0) != search.random_plan(1)


def test_the_searched_network_is_not_touched(network: nn.Sequential, example: torch.Tensor) -> None:
    phase = searched(network, example)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    _, plan = random_ticket(phase, SPEC, seed=3)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    ticket = phase.search.ticket()
    assert ticket is not None
    assert plan != ticket.plan
    ticket.cut(network, phase.optimizer)


def test_training_it_leaves_the_search_optimizer_alone(network: nn.Sequential, example: torch.Tensor) -> None:
    phase = searched(network, example)
    before = [state["momentum_buffer"].clone() for state in phase.optimizer.state.values()]
    random, _ = random_ticket(phase, SPEC, seed=3)
    random.model(example).square().sum().backward()
    random.optimizer.step()
    after = [state["momentum_buffer"] for state in phase.optimizer.state.values()]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_it_inherits_weights_and_momentum(network: nn.Sequential, example: torch.Tensor) -> None:
    phase = searched(network, example)
    random, plan = random_ticket(phase, SPEC, seed=3)
    kept = np.setdiff1d(np.arange(8), plan.removed["0", "out"])
    assert torch.equal(random.model[0].weight, network[0].weight[kept])  # type: ignore[index]
    momentum = phase.optimizer.state[network[0].weight]["momentum_buffer"]
    own = random.optimizer.state[random.model[0].weight]["momentum_buffer"]  # type: ignore[index]
    assert torch.equal(own, momentum[kept])


def test_the_pull_stays_on_its_scales(network: nn.Sequential, example: torch.Tensor) -> None:
    random, _ = random_ticket(searched(network, example), SPEC, seed=3)
    assert random.after_backward is not None
    random.model.zero_grad()
    random.model(example).sum().backward()
    scale = random.model[1].weight  # type: ignore[index]
    before = scale.grad.clone()
    random.after_backward()
    torch.testing.assert_close(scale.grad - before, 1e-4 * scale.detach().sign(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("share", [0.25, 0.6, 0.9])
def test_a_uniform_network_of_as_many_macs(share: float) -> None:
    spec = ModelSpec(name="resnet20", image_size=16, in_channels=1)

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


def test_a_run_with_all_controls(tmp_path: Path) -> None:
    config = experiments.smoke().changed(
        epochs=3, latest_epoch=2, data={"batch_size": 128}, train={"progress": "quiet"}, controls=("random", "uniform")
    )
    with RunDir.open(tmp_path, "early-bird", "controls", config, config.seed) as rundir:
        result = run(config, rundir)
        again = run(config, rundir)
    assert [arm.name for arm in result.arms] == ["dense", "uniform", "random", "ticket"]
    assert [arm.role for arm in result.arms] == ["baseline"] * 3 + ["ours"]
    assert again.metrics == result.metrics
    by_name = {arm.name: arm for arm in result.arms}
    example = example_input(config.model)
    for name, folder in {"random": "random", "uniform": "uniform", "dense": "dense", "ticket": "."}.items():
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
    assert any(note.startswith("uniform: the same network at width") for note in result.notes)
