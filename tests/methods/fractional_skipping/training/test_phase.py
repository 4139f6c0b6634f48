"""Training under `fit`: what moves and what does not, the best epoch, resumed to the byte, a last batch of one sample."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.data.batches import Batches
from netchip.data.images import Split
from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.static_form import Deciding
from netchip.methods.fractional_skipping.control.best import BestWithin
from netchip.methods.fractional_skipping.control.bias import BiasController
from netchip.methods.fractional_skipping.control.controller import BudgetController
from netchip.methods.fractional_skipping.costs import cost_table
from netchip.methods.fractional_skipping.network import FractionalNetwork, make_fractional
from netchip.methods.fractional_skipping.seeing.recording import record
from netchip.methods.fractional_skipping.training.phase import GatedTraining
from netchip.methods.fractional_skipping.training.routes import FixedRoute, RandomRoutes, shuffled
from netchip.models.resnet_cifar import CifarResNet
from netchip.train.fit import fit
from netchip.train.saving import save_model
from netchip.train.spec import OptimizerSpec, TrainSpec

SPEC = OptimizerSpec(learning_rate=0.02)
QUIET = TrainSpec(device="cpu", threads=1, progress="quiet", checkpoint_seconds=0)


def _batches(images: int = 16, *, batch_size: int = 8, shuffle: bool = True) -> Batches:
    """Two classes, one of which is brighter."""
    random = np.random.default_rng(0)
    labels = np.arange(images) % 2
    pixels = random.integers(0, 128, (images, 1, 8, 8)) + 120 * labels[:, None, None, None]
    split = Split(pixels.astype(np.uint8), labels)
    return Batches(split, batch_size=batch_size, seed=1, mean=[0.5], std=[0.25], shuffle=shuffle, drop_last=False)


def _network(deciding: Deciding | None = None) -> FractionalNetwork:
    torch.manual_seed(0)
    plain = CifarResNet(14, classes=2, width=0.25, in_channels=1)
    return make_fractional(plain, "skip, 4, full", example=torch.randn(4, 1, 8, 8), deciding=deciding)


def _phase(network: FractionalNetwork, **settings: Any) -> GatedTraining:
    table = cost_table("paper", network.sites, network.options)
    if "routes" not in settings:
        settings = {"controller": BudgetController(table, "40%", strength=5.0)} | settings
    return GatedTraining(network, SPEC, table, best=BestWithin(0.4, 0.5), **settings)


def _fit(phase: GatedTraining, folder: Path, loader: Any = None, epochs: int = 2) -> Any:
    validation = _batches(shuffle=False)
    return fit(phase, loader or _batches(), epochs=epochs, folder=folder / "train", validation=validation, spec=QUIET)


def _moved(before: dict[str, Tensor], network: nn.Module) -> set[str]:
    return {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_joint_training_moves_everything_and_reports_the_cost(tmp_path: Path) -> None:
    network = _network()
    before = _state(network)
    result = _fit(_phase(network), tmp_path)
    moved = _moved(before, network)
    assert {"model.conv1.weight", "gate.head.weight", "model.layer1.1.block.conv1.weight"} <= moved
    assert any(".steps." in name for name in moved)
    assert any(".norms." in name for name in moved)
    assert 0 < result.metrics["cost_percent"] <= 100
    assert 0 <= result.metrics["validation_cost_percent"] <= 100


def test_the_gate_alone_leaves_the_backbone_to_the_byte(tmp_path: Path) -> None:
    network = _network()
    before = _state(network)
    phase = _phase(network, part="gate")
    _fit(phase, tmp_path)
    moved = _moved(before, network)
    assert moved
    assert all(name.startswith("gate.") for name in moved), "not even a BatchNorm's statistics"
    assert not network.model.get_parameter("conv1.weight").requires_grad
    phase.thaw()
    assert network.model.get_parameter("conv1.weight").requires_grad


def test_pushed_to_full_by_the_sign_as_in_the_papers_second_stage(tmp_path: Path) -> None:
    network = _network()
    with torch.no_grad():
        network.gate.get_parameter("head.bias").copy_(torch.tensor([1.0, 0.0, 0.0]))
    table = cost_table("paper", network.sites, network.options)
    controller = BudgetController(table, "100%", "sign", strength=20.0)
    first = table.gated(record(network, _batches().epoch(0)).routes).mean()
    _fit(_phase(network, controller=controller, part="gate"), tmp_path, epochs=8)
    last = table.gated(record(network, _batches().epoch(0)).routes).mean()
    assert (first < 0.5, last) == (True, 1.0)


def test_routes_from_outside_leave_the_gate_alone(tmp_path: Path) -> None:
    network = _network()
    before = _state(network)
    result = _fit(_phase(network, routes=FixedRoute([1, 1, 0, 1, 2])), tmp_path)
    moved = _moved(before, network)
    assert not any(name.startswith("gate.") for name in moved)
    assert "model.layer2.0.block.conv1.weight" in moved
    assert "model.layer2.1.block.conv1.weight" not in moved, "skipped throughout"
    assert result.metrics["cost_percent"] == pytest.approx(100 * (3 / 64 + 1) / 5)


class _Broken:
    """A loader that fails after so many batches: a machine that is switched off."""

    def __init__(self, inner: Batches, after: int) -> None:
        self.inner, self.left = inner, after

    def __len__(self) -> int:
        return len(self.inner)

    def epoch(self, epoch: int, **where: int) -> Iterator[Any]:
        for batch in self.inner.epoch(epoch, **where):
            self.left -= 1
            if self.left < 0:
                raise OSError("off")
            yield batch

    def state(self) -> Any:
        return self.inner.state()


def _random(network: FractionalNetwork) -> GatedTraining:
    return _phase(network, routes=RandomRoutes(np.full((5, 3), 1 / 3)))


def _held_by_bias(network: FractionalNetwork) -> GatedTraining:
    table = cost_table("paper", network.sites, network.options)
    return _phase(network, controller=BiasController(network, table, "40%"), moved_to=0.4)


MAKERS = {
    "straight-through": lambda: _phase(_network()),
    "gumbel": lambda: _phase(_network(Deciding(estimator="gumbel"))),
    "two candidates": lambda: _phase(_network(Deciding(candidates="two"))),
    "a bias": lambda: _held_by_bias(_network()),
    "the gate": lambda: _phase(_network(), part="gate"),
    "random routes": lambda: _random(_network()),
}


@pytest.mark.parametrize("name", MAKERS)
def test_killed_and_resumed_ends_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    straight, killed, resumed = (MAKERS[name]() for _ in range(3))
    torch.manual_seed(7)
    _fit(straight, tmp_path / "straight")
    torch.manual_seed(7)
    with pytest.raises(OSError, match="off"):
        _fit(killed, tmp_path / "resumed", _Broken(_batches(), 3))
    torch.manual_seed(8)
    _fit(resumed, tmp_path / "resumed")
    for phase in (straight, resumed):
        phase.take_best()
    paths = [
        save_model(phase.model, tmp_path / f"{index}.safetensors") for index, phase in enumerate((straight, resumed))
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert straight.best is not None
    assert resumed.best is not None
    assert straight.best.kept == resumed.best.kept


def test_a_last_batch_of_one_sample(tmp_path: Path) -> None:
    result = _fit(_phase(_network()), tmp_path, _batches(9), epochs=1)
    assert result.steps == 2
    assert np.isfinite(result.metrics["loss"])


def test_the_best_epoch_within_the_budget_is_taken(tmp_path: Path) -> None:
    phase = _phase(_network())
    assert phase.best is not None
    _fit(phase, tmp_path, epochs=3)
    kept = phase.best.kept
    assert kept is not None
    phase.take_best()
    found = record(phase.model, _batches(shuffle=False).epoch(0))
    assert found.accuracy_percent == kept.accuracy_percent
    assert phase.table.gated(found.routes).mean() == pytest.approx(kept.share)


def test_every_epoch_is_judged_at_the_budget_and_training_goes_on_without_that_bias(tmp_path: Path) -> None:
    network = _network()
    table = cost_table("paper", network.sites, network.options)
    controller = BiasController(network, table, "40%", gain=0.01)
    phase = GatedTraining(network, SPEC, table, controller=controller, best=BestWithin(0.4, 0.1), moved_to=0.4)
    _fit(phase, tmp_path, epochs=2)
    assert torch.equal(network.logit_bias[0], controller.strength * torch.tensor(network.options.costs)), (
        "the controller's own"
    )
    assert phase.best is not None
    kept = phase.best.kept
    assert kept is not None
    phase.take_best()
    found = record(network, _batches(shuffle=False).epoch(0))
    assert phase.table.gated(found.routes).mean() == pytest.approx(kept.share)
    assert not torch.equal(network.logit_bias[0], controller.strength * torch.tensor(network.options.costs))


def test_random_routes_keep_their_rates() -> None:
    rates = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
    torch.manual_seed(0)
    drawn = RandomRoutes(rates)(4000).numpy()
    assert drawn.shape == (4000, 2)
    assert np.stack([(drawn == option).mean(0) for option in range(3)], 1) == pytest.approx(rates, abs=0.03)
    with pytest.raises(ConfigError, match="rates are shares"):
        RandomRoutes([[0.5, 0.4]])


def test_shuffled_decisions_keep_each_blocks_rates() -> None:
    routes = np.random.default_rng(0).integers(0, 3, (50, 4))
    dealt = shuffled(routes, 1)
    assert not np.array_equal(dealt, routes)
    assert np.array_equal(np.sort(dealt, 0), np.sort(routes, 0))
