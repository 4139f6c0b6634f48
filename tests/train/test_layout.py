from pathlib import Path

import torch
from torch import nn

from netchip.data.batches import training_batches
from netchip.data.loading import load
from netchip.data.spec import DatasetSpec
from netchip.methods.smart_exchange.training.fitting import Exchanging
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.train.fit import fit
from netchip.train.phase import Classification
from netchip.train.spec import OptimizerSpec, TrainSpec

DATA = DatasetSpec(name="digits", batch_size=256)


class Seen(nn.Module):
    """A small network that notes how its convolution's input and weight lay."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(1, 6, 3, padding=1), nn.Linear(6, 10)
        self.inner = nn.Conv2d(6, 6, 3, padding=1)
        self.last: list[bool] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.conv(images).relu()
        laid = (maps, self.inner.weight)
        self.last.append(all(each.is_contiguous(memory_format=torch.channels_last) for each in laid))
        return self.linear(self.inner(maps).relu().mean((2, 3)))


def trained(folder: Path, *, channels_last: bool, exchange: bool = False) -> Seen:
    torch.manual_seed(0)
    network = Seen()
    batches = training_batches(load(DATA), DATA, seed=1)
    phase = Classification(
        network,
        OptimizerSpec(learning_rate=0.05),
        companion=Exchanging(SmartExchange(network), network) if exchange else None,
    )
    fit(
        phase,
        batches,
        epochs=2,
        folder=folder,
        spec=TrainSpec(progress="quiet", device="cpu", channels_last=channels_last),
    )
    return network


def test_the_same_training_in_another_order_of_memory(tmp_path: Path) -> None:
    plain, last = (trained(tmp_path / str(each), channels_last=each) for each in (False, True))
    assert not any(plain.last)
    assert all(last.last)
    for mine, other in zip(last.parameters(), plain.parameters(), strict=True):
        assert mine.is_contiguous()
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)


def test_a_companion_sees_such_weights_too(tmp_path: Path) -> None:
    network = trained(tmp_path, channels_last=True, exchange=True)
    assert all(network.last)
    assert network.inner.weight.is_contiguous()
