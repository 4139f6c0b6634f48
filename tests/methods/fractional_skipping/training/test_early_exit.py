"""Early exit: its exits are those of the network, its costs add up, its threshold keeps to a budget."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.data.batches import Batches
from netchip.data.images import Split
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.costs import cost_table
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.methods.fractional_skipping.options import SKIPNET
from netchip.methods.fractional_skipping.training.early_exit import (
    EarlyExitNetwork,
    EarlyExitTraining,
    ExitHead,
    exit_costs,
    exits_at,
    leaving,
    threshold_for,
)
from netchip.train.fit import fit
from netchip.train.spec import OptimizerSpec, TrainSpec

CONFIDENT = np.array([[0.9, 0.4, 0.2, 0.6], [0.5, 0.8, 0.3, 0.7], [0.6, 0.6, 0.6, 0.6]])
COSTS = np.array([0.2, 0.6, 1.0])


@pytest.fixture
def exits(resnet14: nn.Module, images: Tensor) -> EarlyExitNetwork:
    """Exits after the second and the fourth of five gated blocks."""
    torch.manual_seed(0)
    return EarlyExitNetwork(make_fractional(resnet14, SKIPNET), [1] * 5, [1, 3], 10, images)


def test_the_exits_read_the_maps_after_their_blocks(
    exits: EarlyExitNetwork, resnet14: nn.Module, images: Tensor
) -> None:
    maps = {}
    for name in ("layer2.0", "layer3.0"):
        resnet14.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: maps.update({name: out}))
    outputs = resnet14(images)
    found = exits.eval()(images)
    assert torch.equal(found[-1], outputs)
    for index, name in enumerate(("layer2.0", "layer3.0")):
        assert torch.allclose(found[index], exits.heads[index](maps[name]), atol=1e-6)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.5), (1.0, 3.0), (0.5, 2.25), (7.0, 3.0)])
def test_an_exit_mixes_the_mean_and_the_largest_of_each_place(share: float, expected: float) -> None:
    """By hand: one channel of 1 x 4 places is kept whole; of 8 rows 4 stay, each of two that hold 0 and 3."""
    head = ExitHead(1, (8, 1), 1)
    with torch.no_grad():
        head.share.fill_(share)
        head.linear.weight.fill_(0.25)
        head.linear.bias.zero_()
    assert head(torch.tensor([0.0, 3.0] * 4).view(1, 1, 8, 1)).item() == pytest.approx(expected)


def test_costs_are_spent_on_the_way() -> None:
    table = cost_table("paper", [BlockSite(name=f"b{index}") for index in range(5)], SKIPNET)
    assert exit_costs(table, [1] * 5, [1, 3]) == pytest.approx([0.4, 0.8, 1.0])
    assert exit_costs(table, [1, 0, 1, 1, 1], [1, 3]) == pytest.approx([0.2, 0.6, 0.8])


def test_an_input_leaves_where_it_is_sure_first() -> None:
    assert exits_at(CONFIDENT, 0.65).tolist() == [0, 1, 2, 1]
    assert exits_at(CONFIDENT, 0.0).tolist() == [0, 0, 0, 0]
    assert exits_at(CONFIDENT, 1.1).tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize(("target", "spent"), [(1.0, 1.0), (0.6, 0.6), (0.59, 0.5), (0.2, 0.2), (0.1, 0.2)])
def test_the_threshold_keeps_to_the_budget(target: float, spent: float) -> None:
    """By hand: at 0.65 the inputs cost 0.2, 0.6, 1.0 and 0.6, 0.6 on average; at 0.6 the last leaves first, 0.5."""
    threshold = threshold_for(CONFIDENT, COSTS, target)
    assert COSTS[exits_at(CONFIDENT, threshold)].mean() == pytest.approx(spent)


def test_training_lowers_the_loss_of_all_exits(exits: EarlyExitNetwork, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(32) % 2
    pixels = random.integers(0, 128, (32, 3, 8, 8)) + 120 * labels[:, None, None, None]
    batches = Batches(Split(pixels.astype(np.uint8), labels), batch_size=8, seed=1, mean=[0.5] * 3, std=[0.25] * 3)
    phase = EarlyExitTraining(exits, OptimizerSpec(learning_rate=0.05))
    spec = TrainSpec(device="cpu", threads=1, progress="quiet")
    result = fit(phase, batches, epochs=5, folder=tmp_path / "exits", validation=batches, spec=spec)
    assert result.history[-1]["loss"] < 0.5 * result.history[0]["loss"]
    _, right = leaving(exits, batches.epoch(0))
    assert right.shape == (3, 32)
    assert right[:, :].mean(1).min() > 0.9
