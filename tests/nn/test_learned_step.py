"""LSQ's gradients by its formulas, the grid's side, and what evaluation must not do."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.nn.learned_step import LearnedStep


def _calibrated(bits: int, x: torch.Tensor, channels: int | None = None) -> LearnedStep:
    step = LearnedStep(bits, channels=channels)
    step.calibrate(x)
    return step


def test_gradients_are_those_of_the_paper() -> None:
    """Equations 3 to 5: dq/ds = round(x / s) - x / s inside, the bound outside, times 1 / sqrt(N Q); dq/dx = 1 inside."""
    quantiser = LearnedStep(3)
    quantiser.calibrate(torch.tensor([-1.0, 1.0]))
    with torch.no_grad():
        quantiser.step.fill_(0.5)
    x = torch.tensor([-9.0, -0.6, 0.1, 0.7, 9.0], requires_grad=True)
    y = quantiser(x)
    assert y.tolist() == [-1.5, -0.5, 0.0, 0.5, 1.5]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 0]
    inside = [round(value / 0.5) - value / 0.5 for value in (-0.6, 0.1, 0.7)]
    assert quantiser.step.grad is not None
    assert quantiser.step.grad.item() == pytest.approx((-3 + sum(inside) + 3) / (5 * 3) ** 0.5, abs=1e-6)


def test_values_after_a_relu_get_all_levels_on_their_side() -> None:
    assert _calibrated(4, torch.tensor([0.0, 3.0])).levels == (0, 15)
    assert _calibrated(4, torch.tensor([-0.1, 3.0])).levels == (-7, 7)
    assert _calibrated(4, torch.ones(2, 3), channels=2).levels == (-7, 7)


@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
def test_start_is_no_worse_than_min_max(bits: int) -> None:
    x = torch.randn(4, 500, generator=torch.Generator().manual_seed(bits))
    quantiser = _calibrated(bits, x, channels=4)
    highest = 2 ** (bits - 1) - 1
    step = x.abs().amax(1, keepdim=True) / highest
    plain = ((x / step).round() * step - x).square().sum(1)
    ours = (quantiser(x) - x).square().sum(1).detach()
    assert (ours <= plain * (1 + 1e-5)).all()
    if bits == 2:
        assert (ours < 0.7 * plain).all(), "at 2 bits clipping pays"


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=30), st.integers(2, 10))
def test_few_levels_idempotent_monotone_and_zero_kept(numbers: list[float], bits: int) -> None:
    x = torch.tensor([0.0, *sorted(numbers)])
    quantiser = _calibrated(bits, x).eval()
    with torch.no_grad():
        once = quantiser(x)
        assert torch.equal(quantiser(once), once)
    assert once[0] == 0
    assert len(once.unique()) <= 2**bits
    assert (once[1:].diff() >= 0).all()


def test_with_and_without_gradient_give_one_result() -> None:
    x = torch.randn(64, generator=torch.Generator().manual_seed(0))
    quantiser = _calibrated(5, x)
    with torch.no_grad():
        plain = quantiser(x)
    assert torch.equal(quantiser(x).detach(), plain)


def test_first_training_batch_calibrates_and_evaluation_never_does() -> None:
    quantiser = LearnedStep(4)
    quantiser.eval()
    with pytest.raises(ConfigError, match="the step of an activation was never set; run a batch in training mode"):
        quantiser(torch.ones(2))
    quantiser.train()
    quantiser(torch.tensor([0.0, 1.5]))
    assert (quantiser.ready, quantiser.levels) == (True, (0, 15))
    step = quantiser.step.item()
    quantiser.eval()
    quantiser(torch.tensor([-70.0, 70.0]))
    assert quantiser.step.item() == step
    fresh = LearnedStep(4).eval()
    fresh.load_state_dict(quantiser.state_dict())
    assert torch.equal(fresh(torch.tensor([0.33])), quantiser(torch.tensor([0.33])))


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_any_scale_and_channels_of_zeros(scale: float) -> None:
    x = torch.tensor([[0.0, 0.0], [-scale, 0.3 * scale]])
    y = _calibrated(8, x, channels=2)(x)
    assert y[0].tolist() == [0, 0]
    assert y[1].tolist() == pytest.approx([-scale, 0.3 * scale], rel=0.02)


def test_many_values_are_sampled_with_the_largest_among_them() -> None:
    x = torch.zeros(200_000)
    x[77_777] = 5.0
    assert _calibrated(2, x)(x)[77_777].item() == pytest.approx(5.0)


def test_bits_that_make_no_grid() -> None:
    with pytest.raises(ConfigError, match="bits = 1: a float32 grid needs 2 to 24 bits"):
        LearnedStep(1)
