"""A small network with one layer of each kind, and a plain loop that trains it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange


class Many(nn.Module):
    """Convolutions plain, grouped and depthwise, an embedding, two linear layers; BatchNorm after the first."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.grouped = nn.Conv2d(16, 32, 3, padding=1, groups=2)
        self.depthwise = nn.Conv2d(32, 32, 3, groups=32)
        self.embedding = nn.Embedding(10, 32)
        self.hidden = nn.Linear(64, 48)
        self.head = nn.Linear(48, 4)

    def forward(self, images: Tensor, words: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.stem(images)))
        x = self.depthwise(torch.relu(self.grouped(x))).mean(dim=(2, 3))
        return self.head(torch.relu(self.hidden(torch.cat([x, self.embedding(words)], dim=1))))


Batch = tuple[Tensor, Tensor, Tensor]


def a_network(seed: int = 0) -> Many:
    torch.manual_seed(seed)
    return Many()


def some_batches(count: int = 4, seed: int = 0) -> list[Batch]:
    """Images whose class is written in their brightness and in their word."""
    generator = torch.Generator().manual_seed(seed)
    batches = []
    for _ in range(count):
        labels = torch.randint(0, 4, (16,), generator=generator)
        images = torch.randn(16, 3, 6, 6, generator=generator) + labels[:, None, None, None]
        batches.append((images, labels + 3, labels))
    return batches


def an_epoch(model: nn.Module, optimizer: Optimizer, exchange: SmartExchange, batches: list[Batch]) -> float:
    """One epoch of a plain loop; the mean loss."""
    losses = []
    for images, words, labels in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images, words), labels)
        loss.backward()
        exchange.after_backward()
        optimizer.step()
        exchange.after_step(optimizer)
        losses.append(float(loss.detach()))
    exchange.end_epoch()
    return sum(losses) / len(losses)


@pytest.fixture
def network() -> Many:
    return a_network()


@pytest.fixture
def make_network() -> Callable[[int], Many]:
    return a_network


@pytest.fixture
def batches() -> list[Batch]:
    return some_batches()


@pytest.fixture
def epoch() -> Callable[..., float]:
    return an_epoch
