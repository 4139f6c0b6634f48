"""SmartExchange under `fit`: validated on the factors, resumed to the same bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netchip.methods.smart_exchange.training.fitting import ExchangePhase, Exchanging
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.train.fit import FitResult, fit
from netchip.train.phase import Classification
from netchip.train.spec import OptimizerSpec, TrainSpec

QUIET = TrainSpec(device="cpu", progress="quiet")


class Few:
    """Three batches of coloured noise whose class is its mean."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        labels = torch.randint(0, 3, (3, 16), generator=generator)
        images = torch.randn(3, 16, 4, 5, 5, generator=generator) + labels[..., None, None, None]
        self._batches = list(zip(images, labels, strict=True))

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, epoch: int, *, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[tuple[Tensor, ...]]:
        for images, labels in self._batches[start:]:
            size = len(images) // parts
            yield images[part * size : (part + 1) * size], labels[part * size : (part + 1) * size]

    def state(self) -> dict[str, Any]:
        return {"few": 3}


def trained(folder: Path, mode: str, epochs: int, spec: TrainSpec = QUIET) -> tuple[nn.Module, Exchanging, FitResult]:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(4, 24, 3),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.Conv2d(24, 24, 3, groups=2),
        nn.Flatten(),
        nn.Linear(24, 3),
    )
    exchange = SmartExchange(network, mode=mode, row_sparsity=0.4, ramp=2, switch_bar=4)
    companion = Exchanging(exchange, network, freeze_at=3, average_from=1)
    phase = ExchangePhase(Classification(network, OptimizerSpec(learning_rate=0.05), companion=companion), companion)
    result = fit(phase, Few(), epochs=epochs, folder=folder / "train", validation=Few(), spec=spec)
    return network, companion, result


@pytest.mark.parametrize("mode", ["project", "straight_through", "bucket"])
def test_a_training_that_was_stopped_ends_with_the_same_bytes(tmp_path: Path, mode: str) -> None:
    """Stopped inside an epoch: the loader fails once, after the checkpoint of each step was written."""
    network, companion, _ = trained(tmp_path / "whole", mode, 4)
    spec = QUIET.changed(checkpoint_seconds=0.0)

    class Failing(Few):
        def epoch(self, epoch: int, **where: Any) -> Iterator[tuple[Tensor, ...]]:
            for index, batch in enumerate(super().epoch(epoch, **where)):
                if epoch == 2 and index == 1:
                    raise KeyboardInterrupt
                yield batch

    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "Few", Failing)
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "stopped", mode, 4, spec)
    other, other_companion, result = trained(tmp_path / "stopped", mode, 4)
    assert result.epochs_done == 4
    theirs = other.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in network.state_dict().items())
    assert companion.averaged is not None
    assert other_companion.averaged is not None
    assert companion.averaged.count == other_companion.averaged.count == 3
    own, averaged = companion.averaged.state_dict(), other_companion.averaged.state_dict()
    assert all(torch.equal(tensor, averaged[name]) for name, tensor in own.items())


def test_the_network_ends_on_its_factors_and_is_validated_there(tmp_path: Path) -> None:
    network, companion, result = trained(tmp_path, "project", 4)
    for name, factored in companion.exchange.factors().items():
        assert torch.equal(network.get_parameter(name), factored.weight())
    torch_network = network.eval()
    losses = [
        float(nn.functional.cross_entropy(torch_network(images), labels).detach()) for images, labels in Few().epoch(0)
    ]
    assert result.metrics["validation_loss"] == pytest.approx(sum(losses) / 3, rel=1e-4)
    assert companion.exchange.frozen
