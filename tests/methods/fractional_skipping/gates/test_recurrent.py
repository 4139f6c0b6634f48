"""The paper's gate against torch's own LSTM, its size, and that one weight change reaches evaluation."""

import copy

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.gates.protocol import Gate
from netchip.methods.fractional_skipping.gates.recurrent import Memory, RecurrentGate

CHANNELS = [16] * 6 + [32] * 6 + [64] * 5


def _maps(batch: int, channels: int, seed: int) -> torch.Tensor:
    return torch.randn(batch, channels, 4, 4, generator=torch.Generator().manual_seed(seed))


def _walk(gate: RecurrentGate, batch: int) -> list[torch.Tensor]:
    state, found = gate.begin(torch.zeros(batch, 3, 8, 8)), []
    for index, channels in enumerate(gate.channels):
        logits, state = gate.step(index, _maps(batch, channels, index), state)
        found.append(logits)
    return found


def test_size_of_resnet38s_gate() -> None:
    """7,857 with all 18 projections and K = 7, of which the last, 650, decides nothing and is frozen."""
    gate = RecurrentGate(CHANNELS, 7, after_last=64)
    assert sum(each.numel() for each in gate.parameters()) == 7857
    assert sum(each.numel() for each in RecurrentGate(CHANNELS, 7).parameters()) == 7857 - 650
    assert not gate.projections[-1].weight.requires_grad
    assert isinstance(gate, Gate)


@pytest.mark.parametrize("batch", [1, 3])
def test_equals_torchs_lstm(batch: int) -> None:
    torch.manual_seed(0)
    gate = RecurrentGate([16, 16, 32], 4)
    lstm = nn.LSTM(10, 10)
    lstm.load_state_dict({f"{name}_l0": value for name, value in gate.cell.state_dict().items()})
    inputs = [_maps(batch, width, index).mean((2, 3)) for index, width in enumerate(gate.channels)]
    embedded = [project(vector) for project, vector in zip(gate.projections, inputs, strict=True)]
    expected = gate.head(lstm(torch.stack(embedded))[0])
    for ours, theirs in zip(_walk(gate, batch), expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_evaluation_takes_the_short_way_and_follows_a_change() -> None:
    torch.manual_seed(0)
    gate = RecurrentGate([16, 32], 4).eval()
    slow = _walk(gate, 2)
    with torch.no_grad():
        fast = _walk(gate, 2)
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(slow, fast, strict=True))
        gate.cell.weight_ih.mul_(3.0)
        assert not torch.allclose(_walk(gate, 2)[1], fast[1], atol=1e-3)
        copied = copy.deepcopy(gate)
        copied.cell.weight_ih.mul_(0.0)
        assert not torch.allclose(_walk(copied, 2)[1], _walk(gate, 2)[1], atol=1e-3)
    with torch.inference_mode():
        _walk(gate, 1)


def test_a_sample_alone_gets_the_logits_it_gets_in_a_batch() -> None:
    torch.manual_seed(0)
    gate = RecurrentGate([16, 32], 4).eval()
    with torch.no_grad():
        state, one = gate.begin(torch.zeros(5, 3)), gate.begin(torch.zeros(1, 3))
        for index, width in enumerate(gate.channels):
            maps = _maps(5, width, index)
            logits, state = gate.step(index, maps, state)
            alone, one = gate.step(index, maps[3:4], one)
            assert torch.allclose(alone[0], logits[3], atol=1e-6)


@pytest.mark.parametrize(("options", "probability"), [(7, 0.35), (2, 0.76), (4, 0.52)])
def test_start_favours_the_full_option(options: int, probability: float) -> None:
    torch.manual_seed(0)
    gate = RecurrentGate([16] * 8, options)
    full = torch.cat([logits.softmax(1)[:, -1] for logits in _walk(gate, 64)])
    assert full.mean().item() == pytest.approx(probability, abs=0.08)
    released = RecurrentGate([16] * 8, options, full_odds=None)
    assert released.head.weight.std().item() == pytest.approx((2 / (10 * options)) ** 0.5, rel=0.3)


def test_products_of_resnet38s_gate() -> None:
    """About 20.9 k multiply-accumulates: 17 LSTM steps of 800, projections of 10 C and heads of 70."""
    layers = RecurrentGate(CHANNELS, 7).layers((3, 32, 32))
    assert sum(layer.macs for layer in layers) == 17 * (800 + 70) + 10 * sum(CHANNELS) == 20_870


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="a gate needs at least one block to decide on"):
        RecurrentGate([], 4)
    with pytest.raises(ConfigError, match="hidden = 0: give a whole number of at least 1"):
        RecurrentGate([16], 4, hidden=0)
    with pytest.raises(ConfigError, match=r"odds = 0.0: how many times as likely"):
        RecurrentGate([16], 4, full_odds=0.0)
    with pytest.raises(ConfigError, match=r"made for features of 16 channels and got \(1, 32, 4, 4\)"):
        RecurrentGate([16], 4).step(0, _maps(1, 32, 0), Memory(None, None, None))
