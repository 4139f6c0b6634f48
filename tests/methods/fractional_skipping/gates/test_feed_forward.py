"""Each block decides from its own features alone."""

import pytest
import torch

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.gates.feed_forward import FeedForwardGate
from netchip.methods.fractional_skipping.gates.protocol import Gate


def test_by_hand() -> None:
    gate = FeedForwardGate([1, 1], 2, hidden=1, full_odds=1.0)
    with torch.no_grad():
        for index, weight in enumerate((1.0, -1.0)):
            gate.first[index].weight.fill_(weight)  # pyright: ignore
            gate.first[index].bias.zero_()  # pyright: ignore
            gate.heads[index].weight.copy_(torch.tensor([[1.0], [2.0]]))  # pyright: ignore
            gate.heads[index].bias.zero_()  # pyright: ignore
    maps = torch.tensor([[[[1.0, 3.0]]], [[[-4.0, 0.0]]]])
    logits, state = gate.step(0, maps, gate.begin(maps))
    assert state is None
    assert logits.tolist() == [[2.0, 4.0], [0.0, 0.0]]
    assert gate.step(1, maps, None)[0].tolist() == [[0.0, 0.0], [2.0, 4.0]]
    assert isinstance(gate, Gate)


def test_products() -> None:
    layers = FeedForwardGate([16, 32], 4, hidden=8).layers((3, 8, 8))
    assert [layer.macs for layer in layers] == [128, 32, 256, 32]


def test_nothing_to_decide_on() -> None:
    with pytest.raises(ConfigError, match=r"channels = \[\], options = 4, hidden = 16: give at least 1 of each"):
        FeedForwardGate([], 4)
