"""SmartExchange in a plain loop: the three modes, masks, resume, and what is refused."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from netchip.errors import CheckpointMismatch, ConfigError
from netchip.methods.smart_exchange.packing.packed import unpack
from netchip.methods.smart_exchange.training.averaging import Averaged
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange

MODES = ("project", "straight_through", "bucket")
Epoch = Callable[..., float]


def sgd(model: nn.Module, rate: float = 0.05) -> SGD:
    return SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4)


def states_equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(torch.equal(own, theirs) for (_, own), (_, theirs) in pairs)


def test_every_kind_of_layer_is_treated_and_parameters_stay_plain(network: nn.Module) -> None:
    names = [name for name, _ in network.named_parameters()]
    exchange = SmartExchange(network)
    exchange.project()
    assert [name for name, _ in network.named_parameters()] == names
    assert {"grouped.weight", "hidden.weight", "depthwise.weight", "embedding.weight"} <= set(exchange.names)
    for name, factored in exchange.factors().items():
        assert torch.equal(network.get_parameter(name), factored.weight()), name
    assert exchange.layer_names == tuple(name.removesuffix(".weight") for name in exchange.names)


@pytest.mark.parametrize("mode", ["project", "bucket"])
def test_projecting_twice_changes_nothing(network: nn.Module, mode: str) -> None:
    exchange = SmartExchange(network, mode=mode, row_sparsity=0.3)
    exchange.project()
    before = copy.deepcopy(network)
    exchange.project()
    assert states_equal(network, before)


@pytest.mark.parametrize("mode", MODES)
def test_training_learns_and_ends_on_the_factors(network: nn.Module, batches: Any, epoch: Epoch, mode: str) -> None:
    exchange = SmartExchange(network, mode=mode, row_sparsity=0.25, switch_bar=8)
    exchange.project()
    optimizer = sgd(network)
    losses = [epoch(network, optimizer, exchange, batches) for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0]
    for name, factored in exchange.factors().items():
        assert torch.equal(network.get_parameter(name), factored.weight()), name
        assert factored.basis.dtype == torch.int8


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_pruned_rows_never_come_back(network: nn.Module, batches: Any, epoch: Epoch, mode: str, kind: str) -> None:
    makers = {"sgd": sgd, "adam": lambda m: Adam(m.parameters(), 0.01), "adamw": lambda m: AdamW(m.parameters(), 0.01)}
    exchange = SmartExchange(network, mode=mode, row_sparsity=0.5, element_threshold=0.0)
    exchange.project()
    pruned = {name: ~mask for name, mask in exchange.masks.items()}
    assert list(pruned) == list(exchange.names)
    optimizer = makers[kind](network)
    for _ in range(3):
        epoch(network, optimizer, exchange, batches)
        for name, gone in pruned.items():
            assert bool(gone.any()), name
            assert bool((network.get_parameter(name)[gone] == 0).all()), name
            state = optimizer.state[network.get_parameter(name)]
            moments = [each for each in state.values() if torch.is_tensor(each) and each.shape == gone.shape]
            assert moments
            assert all(bool((moment[gone] == 0).all()) for moment in moments), name


def test_pruned_rows_stay_zero_between_projections(network: nn.Module, batches: Any) -> None:
    exchange = SmartExchange(network, row_sparsity=0.5)
    exchange.project()
    gone = ~exchange.masks["hidden.weight"]
    optimizer = sgd(network)
    for images, words, labels in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images, words), labels).backward()
        optimizer.step()
        exchange.after_step(optimizer)
        weight = network.get_parameter("hidden.weight")
        assert bool((weight[gone] == 0).all())
    assert 0.4 < float(gone.float().mean()) < 0.6


def test_a_straight_through_gradient_is_the_dense_one_at_the_projected_point(network: nn.Module, batches: Any) -> None:
    """Plain SGD: the dense weight moves by -rate x the gradient that a dense network has where the projection is."""
    exchange = SmartExchange(network, mode="straight_through")
    dense = {name: network.get_parameter(name).detach().clone() for name in exchange.names}
    exchange.project()
    reference = copy.deepcopy(network)
    images, words, labels = batches[0]
    nn.functional.cross_entropy(reference(images, words), labels).backward()
    optimizer = SGD(network.parameters(), lr=0.5)
    nn.functional.cross_entropy(network(images, words), labels).backward()
    exchange.after_backward()
    optimizer.step()
    exchange.after_step(optimizer)
    latents = exchange.state_dict()["weights"]
    for name, before in dense.items():
        gradient = reference.get_parameter(name).grad
        assert gradient is not None
        assert torch.allclose(latents[name]["latent"], before - 0.5 * gradient, atol=1e-7), name
        assert torch.equal(network.get_parameter(name), exchange.factored(name).weight())


def test_straight_through_with_a_basis_fixed_between_epochs(network: nn.Module, batches: Any, epoch: Epoch) -> None:
    exchange = SmartExchange(network, mode="straight_through", step_iterations=0)
    exchange.project()
    optimizer = sgd(network)
    before = {name: factored.basis.clone() for name, factored in exchange.factors().items()}
    for images, words, labels in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images, words), labels).backward()
        exchange.after_backward()
        optimizer.step()
        exchange.after_step(optimizer)
    after = exchange.factors()
    assert all(torch.equal(after[name].basis, basis) for name, basis in before.items())
    exchange.end_epoch()
    assert any(not torch.equal(exchange.factors()[name].basis, basis) for name, basis in before.items())


def test_a_frozen_training_moves_the_basis_alone(network: nn.Module, batches: Any, epoch: Epoch) -> None:
    exchange = SmartExchange(network, row_sparsity=0.25)
    optimizer = sgd(network)
    for _ in range(3):
        epoch(network, optimizer, exchange, batches)
    exchange.freeze()
    levels = {name: factored.levels.clone() for name, factored in exchange.factors().items()}
    bases = {name: factored.basis.clone() for name, factored in exchange.factors().items()}
    losses = [epoch(network, optimizer, exchange, batches) for _ in range(5)]
    assert losses[-1] < losses[0]
    for name, factored in exchange.factors().items():
        assert torch.equal(factored.levels, levels[name])
        assert torch.equal(network.get_parameter(name), factored.weight())
    assert any(not torch.equal(exchange.factors()[name].basis, basis) for name, basis in bases.items())


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_a_resumed_training_ends_with_the_same_bytes(
    make_network: Callable[[int], nn.Module], batches: Any, epoch: Epoch, mode: str, frozen: bool
) -> None:
    def start() -> tuple[nn.Module, SGD, SmartExchange]:
        network = make_network(0)
        return network, sgd(network), SmartExchange(network, mode=mode, row_sparsity=0.5, ramp=3, switch_bar=2)

    whole, optimizer, exchange = start()
    for _ in range(2):
        epoch(whole, optimizer, exchange, batches)
    if frozen:
        exchange.freeze()
        epoch(whole, optimizer, exchange, batches)
    saved = copy.deepcopy((whole.state_dict(), optimizer.state_dict(), exchange.state_dict()))
    for _ in range(2):
        epoch(whole, optimizer, exchange, batches)

    other, other_optimizer, other_exchange = start()
    other_exchange.load_state_dict(saved[2])
    other.load_state_dict(saved[0])
    other_optimizer.load_state_dict(saved[1])
    for _ in range(2):
        epoch(other, other_optimizer, other_exchange, batches)
    assert states_equal(whole, other)
    theirs = other_exchange.factors()
    assert all(torch.equal(own.levels, theirs[name].levels) for name, own in exchange.factors().items())


def test_the_state_is_of_plain_types_and_survives_a_file(network: nn.Module, tmp_path: Any) -> None:
    exchange = SmartExchange(network, mode="straight_through", row_sparsity=0.5)
    exchange.project()
    torch.save(exchange.state_dict(), tmp_path / "state.pt")
    other = SmartExchange(network, mode="straight_through", row_sparsity=0.5)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert all(torch.equal(own.levels, other.factored(name).levels) for name, own in exchange.factors().items())


@pytest.mark.parametrize("mode", MODES)
def test_row_sparsity_is_reached_by_the_ramp_and_by_pattern(
    network: nn.Module, batches: Any, epoch: Epoch, mode: str
) -> None:
    of = {"hidden*": 0.75, "grouped": 0.0}
    exchange = SmartExchange(network, mode=mode, row_sparsity=0.5, row_sparsity_of=of, ramp=2)
    optimizer = sgd(network)

    def zeros(name: str) -> float:
        return 1.0 - float(exchange.factored(name).kept_rows.sum()) / exchange.factored(name).tiling.real_rows

    epoch(network, optimizer, exchange, batches)
    first = zeros("hidden.weight")
    assert 0.6 < first < 0.72  # 0.75 x 7/8
    epoch(network, optimizer, exchange, batches)
    assert zeros("hidden.weight") == pytest.approx(0.75, abs=0.03)
    assert zeros("embedding.weight") == pytest.approx(0.5, abs=0.03)
    assert zeros("grouped.weight") < 0.02


def test_a_tied_weight_is_trained_once_under_all_its_names() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Embedding(12, 48), nn.Linear(48, 12, bias=False))
    network[1].weight = network[0].weight
    exchange = SmartExchange(network)
    exchange.project()
    assert exchange.names == ("0.weight",)
    assert exchange.factored("1.weight") is exchange.factored("0.weight")
    assert exchange.layer_names == ("0", "1")


def test_a_mean_of_weights_is_projected_with_the_same_masks(network: nn.Module, batches: Any, epoch: Epoch) -> None:
    exchange = SmartExchange(network, row_sparsity=0.5)
    optimizer, averaged = sgd(network), Averaged(network)
    for _ in range(3):
        epoch(network, optimizer, exchange, batches)
        averaged.update(network)
    of_mean = exchange.on(averaged.network())
    of_mean.project()
    for name, factored in of_mean.factors().items():
        assert torch.equal(averaged.network().get_parameter(name), factored.weight())
        assert bool((averaged.network().get_parameter(name)[~exchange.masks[name]] == 0).all())


def test_packed_weights_come_back_the_same(network: nn.Module) -> None:
    exchange = SmartExchange(network, row_sparsity=0.5)
    exchange.project()
    for name, packed in exchange.packed().items():
        assert torch.equal(unpack(packed).weight(), network.get_parameter(name))


def test_a_wrapped_network_is_treated_inside(network: nn.Module) -> None:
    wrapped = nn.DataParallel(network)
    exchange = SmartExchange(wrapped)
    exchange.project()
    assert all(not name.startswith("module.") for name in exchange.names)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(network: nn.Module, value: float) -> None:
    network.get_parameter("hidden.weight").data[0, 0] = value
    with pytest.raises(ConfigError, match=r"hidden\.weight: 1 of \d+ values are NaN or infinite"):
        SmartExchange(network)


def test_what_cannot_work_is_refused(network: nn.Module, batches: Any) -> None:
    with pytest.raises(ConfigError, match="no weight of this network that SmartExchange can treat: it has none"):
        SmartExchange(nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()))
    with pytest.raises(ConfigError, match=r"'hiden' fits no weight of this network; did you mean 'hidden'"):
        SmartExchange(network, skip=["hiden"])
    with pytest.raises(ConfigError, match="bits = 9"):
        SmartExchange(network, bits=9)
    exchange = SmartExchange(network, mode="bucket")
    with pytest.raises(ConfigError, match="no factors yet"):
        exchange.factors()
    with pytest.raises(ConfigError, match="does not hold"):
        exchange.after_step(SGD([nn.Parameter(torch.zeros(1))], lr=0.1))
    with pytest.raises(ConfigError, match=r"call after_backward\(\) between backward and step"):
        exchange.after_step(sgd(network))
    exchange.project()
    with pytest.raises(ConfigError, match=r"'norm\.weight' is not treated"):
        exchange.factored("norm.weight")


def test_a_state_of_another_training_is_refused(network: nn.Module) -> None:
    exchange = SmartExchange(network)
    exchange.project()
    with pytest.raises(CheckpointMismatch, match="bits = 4 there"):
        SmartExchange(network, bits=3).load_state_dict(exchange.state_dict())
    other = nn.Sequential(nn.Linear(64, 48))
    with pytest.raises(CheckpointMismatch, match="weights that differ"):
        SmartExchange(other).load_state_dict(exchange.state_dict())
