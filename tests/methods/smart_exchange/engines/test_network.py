"""Statistics of whole networks, and what is said of where they come from."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.graph.activation_traces import activation_ranges, activation_traces
from netchip.hardware.engines.compare import ENGINES
from netchip.methods.smart_exchange.decomposition.choosing import tiling_for
from netchip.methods.smart_exchange.decomposition.decompose import decompose
from netchip.methods.smart_exchange.decomposition.sparsity import without_share
from netchip.methods.smart_exchange.engines.assumed import ASSUMED, BITS, BOOTH, MEAN_BITS, MEAN_DIGITS
from netchip.methods.smart_exchange.engines.estimate import estimate_engines
from netchip.methods.smart_exchange.engines.network import network_sparsity
from netchip.methods.smart_exchange.training.settings import ActivationSettings
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.workload.booth import bit_steps, booth_steps


class Small(nn.Module):
    """A stem, a depthwise and a pointwise convolution, attention without weights, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 96, 3, padding=1)
        self.deep = nn.Conv2d(96, 96, 3, groups=96)
        self.point = nn.Conv2d(96, 48, 1)
        self.fc = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.relu(self.point(torch.relu(self.deep(torch.relu(self.stem(x))))))
        tokens = maps.flatten(2)
        tokens = torch.softmax(tokens @ tokens.transpose(1, 2), -1) @ tokens
        return self.fc(tokens.mean(-1))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return Small().eval()


@pytest.fixture(scope="module")
def batches() -> list[Tensor]:
    return list(torch.randn(3, 2, 3, 8, 8, generator=torch.Generator().manual_seed(1)))


def factors_of(model: nn.Module, share: float = 0.5) -> dict:
    found = {}
    for name in ("stem.weight", "point.weight"):
        weight = model.get_parameter(name)
        tiling = tiling_for(weight.shape, kind="conv")
        found[name] = decompose(weight, tiling, iterations=3, row_mask=without_share(weight, tiling, share).kept)
    return found


def test_weights_come_from_factors_and_activations_from_batches(model: nn.Module, batches: list[Tensor]) -> None:
    factors = factors_of(model)
    found = network_sparsity(model, factors, batches)
    assert found.source == (
        "weights of 2 layers from their factors, of 2 rounded to 8 bits; activations traced on 6 inputs (8 bits, ranges by "
        "percentile 99.9); not those of matmul, matmul#2: " + ASSUMED
    )
    point = found.of("point")
    assert point.weights.nonzero_rows == int(factors["point.weight"].kept_rows.sum())
    assert point.activations.channels_in_row == point.weights.channels_in_row == 3
    assert found.of("deep").weights.storage is None
    assert found.of("deep").activations.zero_share > 0.3


def test_traces_are_those_of_the_graph_room(model: nn.Module, batches: list[Tensor]) -> None:
    settings = ActivationSettings(range="minmax")
    found = network_sparsity(model, {}, batches, ranges=settings).of("deep").activations
    assert found == activation_traces(model, batches, layers=["deep"])["deep"]
    assert activation_ranges(model, batches)["deep"][0] == 0.0


def test_without_batches_activations_are_assumed_and_it_is_said(model: nn.Module, batches: list[Tensor]) -> None:
    found = network_sparsity(model, factors_of(model), example=batches[0][:1])
    assert "activations assumed: half of them zero, no zero rows, 1.36 Booth digits" in found.source
    for each in found.layers:
        assert each.activations.mean_booth_digits == pytest.approx(MEAN_DIGITS)
        assert each.activations.mean_bits == pytest.approx(MEAN_BITS)
        assert each.activations.zero_share == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("steps", "assumed", "mean", "deviation"),
    [(booth_steps, BOOTH, MEAN_DIGITS, 41.8), (bit_steps, BITS, MEAN_BITS, 72.7)],
)
def test_what_is_assumed_of_groups_is_that_of_noise_with_these_means(steps, assumed, mean, deviation) -> None:
    noise = np.random.default_rng(0).standard_normal((4000, 8, 16))
    taken = steps(np.clip(np.round(noise * deviation), 0, 255).astype(np.uint8))
    assert taken.mean() == pytest.approx(mean, abs=0.01)
    assert np.maximum(taken.max(1), 1).mean() == pytest.approx(assumed.lanes, abs=0.02)
    assert np.maximum(taken.max(2), 1).mean() == pytest.approx(assumed.bricks, abs=0.02)
    assert taken.max((1, 2)).mean() == pytest.approx(assumed.pallets, abs=0.03)


def test_all_engines_run_it_and_sparser_factors_cost_less(model: nn.Module, batches: list[Tensor]) -> None:
    dense, sparse = (
        estimate_engines(model, factors_of(model, share), batches[0][:1], batches).comparison for share in (0.0, 0.8)
    )
    assert set(sparse.costs) == set(ENGINES)
    own = [each.costs["smart_exchange"] for each in (dense, sparse)]
    assert own[1].energy_pj < own[0].energy_pj
    assert own[1].least_compute_cycles < own[0].least_compute_cycles
    assert sparse.costs["diannao"].energy_pj == dense.costs["diannao"].energy_pj


def test_the_others_may_be_given_the_dense_network_or_the_sparse_one(model: nn.Module, batches: list[Tensor]) -> None:
    example, pruned = batches[0][:1], Small().eval()
    with torch.no_grad():
        pruned.stem.weight[:, :2] = 0.0
    plain = estimate_engines(model, factors_of(model), example, batches).comparison
    own = estimate_engines(model, factors_of(model), example, batches, dense=pruned).comparison
    same = estimate_engines(model, factors_of(model), example, batches, baseline_weights="same_sparsified").comparison
    assert "weights of the other engines: their own, dense 8-bit weights" in plain.text()
    assert "their own, weights rounded to 8 bits; activations traced on 6 inputs" in own.text()
    cycles = [each.costs["cambricon_x"].compute_cycles for each in (plain, own, same)]
    assert cycles[1] < cycles[0]
    assert cycles[2] < cycles[0]


def test_what_an_exchange_in_training_holds_is_taken_as_it_is(model: nn.Module, batches: list[Tensor]) -> None:
    network = copy.deepcopy(model)
    exchange = SmartExchange(network)
    exchange.project()
    found = network_sparsity(network, exchange.packed(), batches)
    assert found.of("point").weights.storage is not None
