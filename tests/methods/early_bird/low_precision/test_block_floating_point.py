"""Training in emulated block floating point: what is rounded, when, by which draws, and what is left alone."""

import copy
import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from netchip.data.loading import load
from netchip.data.spec import DatasetSpec
from netchip.errors import CheckpointMismatch, ConfigError, GraphError
from netchip.graph.coupling import channel_groups
from netchip.graph.surgery import cut, plan
from netchip.graph.to_workload import to_workload
from netchip.methods.early_bird.low_precision.block_floating_point import BlockFloatingPoint, quantize_block
from netchip.train.accelerating import make_accelerator, prepare
from netchip.train.seeding import rng_state, set_rng_state
from netchip.train.spec import TrainSpec


def on_grid(tensor: torch.Tensor, bits: int = 8) -> bool:
    """Whether every entry of dimension 0 holds whole steps of its own grid, by NumPy's frexp."""
    rows = tensor.detach().double().numpy().reshape(len(tensor) if tensor.dim() else 1, -1)
    exponent = np.frexp(np.abs(rows).max(1, keepdims=True))[1] - 1
    levels = np.ldexp(rows, bits - 2 - exponent)
    return bool((levels == np.round(levels)).all() and (np.abs(levels) < 2 ** (bits - 1)).all())


def sgd(model: nn.Module, momentum: float = 0.9) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=momentum, weight_decay=1e-4)


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(8, 1, 6, 6, generator=random), torch.randint(3, (8,), generator=random)


def train(
    model: nn.Module, optimizer: Any, precision: BlockFloatingPoint, steps: range, gradients: list[Any] | None = None
) -> None:
    for step in steps:
        images, labels = batch(step)
        optimizer.zero_grad()
        cross_entropy(model(images), labels).backward()
        precision.after_backward()
        if gradients is not None:
            gradients.append([parameter.grad.clone() for parameter in model.parameters()])
        optimizer.step()
        precision.after_step(optimizer)


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(first: Any, second: Any) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


# Activations and errors ------------------------------------------------------------------------------------------------


def outputs_of(model: nn.Sequential, images: torch.Tensor) -> list[torch.Tensor]:
    """What each layer hands to the next."""
    seen = []
    for layer in model:
        images = layer(images)
        seen.append(images)
    return seen


@pytest.mark.parametrize("training", [True, False])
def test_activations_after_all_layers_but_the_last_are_rounded_in_training_and_evaluation(
    network: nn.Sequential, training: bool
) -> None:
    network.train(training)
    precision = BlockFloatingPoint(network)
    assert precision.layer_names == ("0", "3")
    seen = outputs_of(network, batch()[0])
    assert [on_grid(output) for output in seen] == [True, False, False, True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(2, 3, 3), (4, 2, 8)),
        (nn.Conv3d(2, 3, 2), (4, 2, 4, 4, 4)),
        (nn.ConvTranspose2d(2, 3, 2), (4, 2, 4, 4)),
        (nn.Linear(5, 6), (4, 7, 5)),
    ],
)
def test_convolutions_of_every_kind_and_linear_layers_are_rounded(layer: nn.Module, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model = nn.ModuleList([layer, nn.Linear(2, 2)])
    plain = layer(torch.randn(shape))
    BlockFloatingPoint(model)
    assert not on_grid(plain)
    assert on_grid(layer(torch.randn(shape)))


def test_each_sample_has_an_exponent_of_its_own() -> None:
    layer = nn.Linear(4, 6, bias=False)
    BlockFloatingPoint(nn.Sequential(layer, nn.Linear(6, 2)), bits=4)
    x = torch.randn(1, 4, generator=torch.Generator().manual_seed(0))
    together = layer(torch.cat([x, 1000 * x]))
    assert (together != 0).any(1).all()
    assert on_grid(together, bits=4)


def test_the_error_is_rounded_a_sample_on_its_way_back_and_only_there() -> None:
    """The gradient of the first layer's output is a rounded neighbour of the exact one; behind the second it is exact."""
    torch.manual_seed(0)
    first, second = nn.Linear(4, 6), nn.Linear(6, 3)
    BlockFloatingPoint(nn.Sequential(first, second))
    errors: dict[str, torch.Tensor] = {}
    x = torch.randn(5, 4)
    inner = nn.functional.linear(x, first.weight, first.bias)
    inner.register_hook(lambda error: errors.update(rounded=error))
    inner_rounded = next(iter(first._forward_hooks.values()))(first, (x,), inner)
    out = second(inner_rounded)
    out.register_hook(lambda error: errors.update(last=error))
    (out**3).sum().backward()
    exact = errors["last"] @ second.weight
    assert torch.equal(errors["last"], 3 * out**2)
    assert on_grid(errors["rounded"])
    assert not on_grid(exact)
    assert ((errors["rounded"] - exact).abs() <= exact.abs().amax(1, keepdim=True) / 64).all()


def test_the_weight_gradient_is_that_of_the_rounded_error() -> None:
    """For one sample the gradient of a bias is the error itself."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 3))
    BlockFloatingPoint(model)
    (model(torch.randn(1, 4)) ** 3).sum().backward()
    assert on_grid(model[0].bias.grad[None])
    assert not on_grid(model[1].bias.grad[None])


def test_under_autocast_activations_stay_bfloat16(network: nn.Sequential) -> None:
    BlockFloatingPoint(network)
    with torch.autocast("cpu", torch.bfloat16):
        output = network[0](batch()[0])
    assert output.dtype == torch.bfloat16
    assert on_grid(output)


def test_removed_it_computes_as_before_and_refuses_to_go_on(network: nn.Sequential) -> None:
    images, _ = batch()
    network.eval()
    plain = network(images)
    precision = BlockFloatingPoint(network)
    assert not torch.equal(network(images), plain)
    precision.remove()
    precision.remove()
    assert torch.equal(network(images), plain)
    for call in (precision.after_backward, lambda: precision.after_step(sgd(network))):
        with pytest.raises(ConfigError, match="was removed from its network; make a new BlockFloatingPoint"):
            call()
    assert BlockFloatingPoint(network).layer_names == ("0", "3")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_is_a_plain_network_that_can_be_emulated_by_itself(network: nn.Sequential, copied: Any) -> None:
    images, _ = batch()
    network.eval()
    plain = network(images)
    BlockFloatingPoint(network)
    other = copied(network)
    assert torch.equal(other(images), plain)
    precision = BlockFloatingPoint(other)
    assert not torch.equal(other(images), plain)
    precision.remove()
    assert torch.equal(other(images), plain)
    assert not torch.equal(network(images), plain)


def test_a_wrapped_network_is_emulated_inside(network: nn.Sequential) -> None:
    precision = BlockFloatingPoint(nn.DataParallel(network))
    assert precision.layer_names == ("0", "3")
    images = batch()[0].to(
        next(network.parameters()).device
    )  # DataParallel moves a network to the GPU, where there is one
    assert on_grid(network[0](images).cpu())


# Gradients, weights, momentum ------------------------------------------------------------------------------------------


def test_gradients_are_rounded_in_place_with_what_was_added_to_them(network: nn.Sequential) -> None:
    precision = BlockFloatingPoint(network)
    network[6:].requires_grad_(False)
    images, labels = batch()
    cross_entropy(network(images), labels).backward()
    scale = network[1].weight
    with torch.no_grad():
        scale.grad += 1.0
    before = {name: parameter.grad for name, parameter in network.named_parameters()}
    values = {name: None if grad is None else grad.clone() for name, grad in before.items()}
    precision.after_backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is before[name]
        assert parameter.grad is None or on_grid(parameter.grad)
    assert network[8].weight.grad is None
    changed = scale.grad - values["1.weight"]
    assert (changed.abs() <= scale.grad.abs() / 64).all()
    assert changed.any()


@pytest.mark.parametrize(
    ("make", "kept"),
    [
        (sgd, ("momentum_buffer",)),
        (lambda model: torch.optim.Adam(model.parameters()), ("exp_avg", "exp_avg_sq")),
        (lambda model: torch.optim.AdamW(model.parameters(), foreach=False), ("exp_avg", "exp_avg_sq")),
    ],
)
def test_after_a_step_weights_and_momentum_lie_on_the_grid(
    network: nn.Sequential, make: Any, kept: tuple[str, ...]
) -> None:
    optimizer, gradients = make(network), []
    precision = BlockFloatingPoint(network)
    before = list(network.parameters())
    train(network, optimizer, precision, range(2), gradients)
    assert all(a is b for a, b in zip(before, network.parameters(), strict=True))
    assert all(on_grid(parameter) for parameter in network.parameters())
    assert all(on_grid(gradient) for step in gradients for gradient in step)
    states = [optimizer.state[parameter] for parameter in network.parameters()]
    assert all(on_grid(state[key]) for state in states for key in kept)
    assert all(torch.equal(torch.as_tensor(state.get("step", 2)), torch.tensor(2.0)) for state in states)


def test_without_momentum_there_is_nothing_more_to_round(network: nn.Sequential) -> None:
    train(network, sgd(network, momentum=0.0), BlockFloatingPoint(network), range(2))
    assert all(on_grid(parameter) for parameter in network.parameters())


def test_batchnorm_statistics_stay_float32(network: nn.Sequential) -> None:
    train(network, sgd(network), BlockFloatingPoint(network), range(2))
    running = network[1].running_mean
    assert not on_grid(running)
    assert all(on_grid(parameter) for parameter in network[1].parameters())


def test_one_step_is_the_optimizers_step_rounded(network: nn.Sequential) -> None:
    """From the rounded gradients, in float32 arithmetic: each new weight lies within a step of plain SGD's."""
    optimizer = sgd(network)
    precision = BlockFloatingPoint(network)
    images, labels = batch()
    cross_entropy(network(images), labels).backward()
    precision.after_backward()
    twin = copy.deepcopy(network)
    plain = sgd(twin)
    for own, other in zip(network.parameters(), twin.parameters(), strict=True):
        other.grad = own.grad.clone()
    plain.step()
    optimizer.step()
    precision.after_step(optimizer)
    for own, other in zip(network.parameters(), twin.parameters(), strict=True):
        momentum, exact = optimizer.state[own]["momentum_buffer"], plain.state[other]["momentum_buffer"]
        for rounded, unrounded in ((own, other), (momentum, exact)):
            rows = unrounded.detach().reshape(len(unrounded), -1).abs().amax(1)
            off = (rounded - unrounded).detach().reshape(len(unrounded), -1).abs().amax(1)
            assert (off <= rows / 64).all()
        assert not torch.equal(own, other)


def one_weight(weight: list[float], gradient: float, seed: int) -> torch.Tensor:
    """The weights [1, n] of a layer after one rounded step of SGD at rate 1, the gradient on the first of them."""
    model = nn.Sequential(nn.Linear(len(weight), 1, bias=False), nn.Linear(1, 1, bias=False))
    moved = model[0].weight
    moved.data.copy_(torch.tensor([weight]))
    moved.grad = torch.zeros_like(moved)
    moved.grad[0, 0] = gradient
    optimizer, precision = torch.optim.SGD([moved], lr=1.0), BlockFloatingPoint(model, seed=seed)
    optimizer.step()
    precision.after_step(optimizer)
    return moved.detach()[0]


def test_steps_too_small_for_the_grid_are_right_on_average() -> None:
    """No master copy: beside 1.5 the grid has steps of 1/64, and 1 - 1/640 goes down to 63/64 in one of ten draws."""
    found = torch.stack([one_weight([1.0, 1.5], 1 / 640, seed) for seed in range(600)])
    assert found[:, 1].eq(1.5).all()
    assert set(found[:, 0].tolist()) == {1.0, 63 / 64}
    assert found[:, 0].lt(1).float().mean() == pytest.approx(0.1, abs=5 * math.sqrt(0.1 * 0.9 / 600))


def test_alone_in_its_block_a_weight_leaves_a_power_of_two_downwards_at_once() -> None:
    """The exponent falls with it, and 1 is out of the new range, which ends at 127/128: the format has this bias."""
    assert {one_weight([1.0], 1e-6, seed).item() for seed in range(50)} == {127 / 128}


def test_an_optimizer_wrapped_by_accelerate_is_looked_into(network: nn.Sequential) -> None:
    inner = sgd(network)
    _, wrapped = prepare(make_accelerator(TrainSpec(device="cpu")), network, inner)
    assert type(wrapped) is not torch.optim.SGD
    train(network, wrapped, BlockFloatingPoint(network), range(1))
    assert all(on_grid(inner.state[parameter]["momentum_buffer"]) for parameter in network.parameters())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda model: torch.optim.RMSprop(model.parameters()), "RMSprop keeps 'square_avg' beside a parameter"),
        (lambda model: torch.optim.Adam(model.parameters(), amsgrad=True), "'max_exp_avg_sq'.*without amsgrad"),
    ],
)
def test_an_optimizer_that_keeps_more_is_refused_before_anything_changes(
    network: nn.Sequential, make: Any, message: str
) -> None:
    optimizer, precision = make(network), BlockFloatingPoint(network)
    network(batch()[0]).sum().backward()
    optimizer.step()
    before = weights(network)
    with pytest.raises(ConfigError, match=message):
        precision.after_step(optimizer)
    assert equal(before, weights(network))
    assert precision.state_dict()["step"] == 0


def test_what_is_no_optimizer_is_refused(network: nn.Sequential) -> None:
    with pytest.raises(GraphError, match=r"optimizer is a str; give the torch\.optim\.Optimizer"):
        BlockFloatingPoint(network).after_step("sgd")


# Draws -----------------------------------------------------------------------------------------------------------------


def test_two_ranks_with_equal_gradients_keep_equal_weights(network: nn.Sequential) -> None:
    """Simulated ranks: two copies, gradients averaged by hand; forward passes draw from generators in other states."""
    ranks = [network, copy.deepcopy(network)]
    optimizers = [sgd(rank) for rank in ranks]
    precisions = [BlockFloatingPoint(rank, seed=3) for rank in ranks]
    for step in range(4):
        for place, rank in enumerate(ranks):
            torch.manual_seed(100 * step + place)
            images, labels = batch(10 * step + place)
            rank.zero_grad()
            cross_entropy(rank(images), labels).backward()
        for own, other in zip(*(rank.parameters() for rank in ranks), strict=True):
            assert not torch.equal(own.grad, other.grad)
            own.grad = (own.grad + other.grad) / 2
            other.grad = own.grad.clone()
        for place, (precision, optimizer) in enumerate(zip(precisions, optimizers, strict=True)):
            torch.manual_seed(place)
            precision.after_backward()
            optimizer.step()
            precision.after_step(optimizer)
        assert equal(*(weights(rank) for rank in ranks))
    buffers = [[state["momentum_buffer"] for state in optimizer.state.values()] for optimizer in optimizers]
    assert equal(*buffers)


def rounded_ones(seed: int, steps: int) -> list[torch.Tensor]:
    """The same gradient, weight and momentum between two values of the grid, as they come out at each step."""
    model = nn.Sequential(nn.Linear(40, 40, bias=False), nn.Linear(2, 2, bias=False))
    optimizer = torch.optim.SGD(model[:1].parameters(), lr=0.1, momentum=0.9)
    precision, weight, found = BlockFloatingPoint(model, seed=seed), model[0].weight, []
    for _ in range(steps):
        value = torch.full((40, 40), 1 + 1 / 128)
        weight.grad, optimizer.state[weight]["momentum_buffer"] = value.clone(), value.clone()
        nn.init.constant_(weight, 1 + 1 / 128)
        precision.after_backward()
        precision.after_step(optimizer)
        found += [weight.grad, weight.detach().clone(), optimizer.state[weight]["momentum_buffer"]]
    return found


def test_every_step_and_role_and_seed_has_draws_of_its_own() -> None:
    drawn = [*rounded_ones(0, 3), *rounded_ones(1, 1)]
    for first, second in itertools.combinations(drawn, 2):
        assert 0.4 < first.eq(second).float().mean() < 0.6
    assert equal(rounded_ones(0, 3), drawn[:9])


def test_the_global_generator_is_left_alone_by_what_ranks_must_share(network: nn.Sequential) -> None:
    precision, optimizer = BlockFloatingPoint(network), sgd(network)
    network(batch()[0]).sum().backward()
    before = torch.get_rng_state()
    precision.after_backward()
    optimizer.step()
    precision.after_step(optimizer)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_resumed_training_goes_on_identically(network: nn.Sequential) -> None:
    torch.manual_seed(5)
    optimizer, precision = sgd(network), BlockFloatingPoint(network, seed=2)
    train(network, optimizer, precision, range(2))
    saved = copy.deepcopy((network.state_dict(), optimizer.state_dict(), precision.state_dict(), rng_state()))
    other = copy.deepcopy(network)
    train(network, optimizer, precision, range(2, 5))

    resumed, again = sgd(other), BlockFloatingPoint(other, seed=2)
    other.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    again.load_state_dict(saved[2])
    set_rng_state(saved[3])
    train(other, resumed, again, range(2, 5))
    assert equal(weights(network), weights(other))
    assert precision.state_dict() == again.state_dict() == {"step": 5, "bits": 8, "seed": 2}


def test_a_saved_training_of_other_settings_is_refused(network: nn.Sequential) -> None:
    precision = BlockFloatingPoint(network, seed=1)
    with pytest.raises(CheckpointMismatch, match="bits 8 and seed 0, this one bits 8 and seed 1; go on with the saved"):
        precision.load_state_dict({"step": 3, "bits": 8, "seed": 0})
    with pytest.raises(CheckpointMismatch, match="bits 6"):
        precision.load_state_dict({"step": 3, "bits": 6, "seed": 1})
    assert precision.state_dict()["step"] == 0


# With the search, and on data ------------------------------------------------------------------------------------------


def test_an_emulated_network_is_traced_cut_and_counted_like_a_plain_one(
    network: nn.Sequential, example: torch.Tensor
) -> None:
    groups = [(group.name, group.units) for group in channel_groups(network, example).groups]
    macs = to_workload(network, example).macs
    optimizer, precision = sgd(network), BlockFloatingPoint(network)
    coupling = channel_groups(network, example)
    assert [(group.name, group.units) for group in coupling.groups] == groups
    assert to_workload(network, example).macs == macs
    train(network, optimizer, precision, range(1))
    keep = {name: np.arange(units) % 2 == 0 for name, units in groups}
    report = cut(network, plan(coupling, keep), optimizer=optimizer, example=example)
    assert report.difference is not None
    train(network, optimizer, precision, range(1, 3))
    assert (network[0].out_channels, network[3].out_channels) == (4, 6)
    assert all(on_grid(parameter) for parameter in network.parameters())
    assert [on_grid(each) for each in outputs_of(network, batch()[0])][:4] == [True, False, False, True]


def test_digits_are_learnt_in_eight_bits() -> None:
    torch.manual_seed(0)
    data = load(DatasetSpec())
    images = torch.as_tensor(np.asarray(data.train.images[:512])).float()
    labels = torch.as_tensor(np.asarray(data.train.labels[:512]))
    images = (images - images.mean()) / images.std()
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Flatten(), nn.LazyLinear(10)),
    )
    model(images[:2])
    optimizer, precision = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), BlockFloatingPoint(model)
    losses = []
    for _, part in itertools.product(range(6), range(8)):
        chosen = slice(64 * part, 64 * part + 64)
        loss = cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        precision.after_backward()
        assert all(on_grid(parameter.grad) for parameter in model.parameters())
        optimizer.step()
        precision.after_step(optimizer)
        assert all(on_grid(parameter) for parameter in model.parameters())
        losses.append(loss.item())
    assert sum(losses[-8:]) < 0.1 * sum(losses[:8])
    assert (model.eval()(images).argmax(1) == labels).float().mean() > 0.95


# Refused ---------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_emulated_is_refused(network: nn.Sequential) -> None:
    with pytest.raises(ConfigError, match="no convolution and no linear layer, so there is nothing to round"):
        BlockFloatingPoint(nn.Sequential(nn.ReLU()))
    with pytest.raises(ConfigError, match=r"bits = 26: .* float32 has 2 to 25 bits"):
        BlockFloatingPoint(network, bits=26)
    with pytest.raises(ConfigError, match="seed = -1: it is a whole number from 0 on"):
        BlockFloatingPoint(network, seed=-1)
    BlockFloatingPoint(network)
    with pytest.raises(ConfigError, match=r"0: this network is emulated already; call remove\(\)"):
        BlockFloatingPoint(network)


def test_a_network_of_one_layer_has_only_its_classifier() -> None:
    layer = nn.Linear(3, 2)
    assert BlockFloatingPoint(layer).layer_names == ()
    assert quantize_block(layer.weight).shape == (2, 3)
