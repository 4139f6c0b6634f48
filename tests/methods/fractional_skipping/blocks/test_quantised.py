"""Quantised layers against integer arithmetic, and what they keep between calls."""

import pytest
import torch
from torch import nn

from netchip.methods.fractional_skipping.blocks.quantised import LearnedInput, MinMaxInput, QuantisedLayer
from netchip.nn.learned_step import LearnedStep
from netchip.nn.quantize import quantize_min_max
from netchip.nn.ranges import RunningRange


def _learned(layer: nn.Conv2d, bits: int, x: torch.Tensor) -> QuantisedLayer:
    of_weight, of_inputs = LearnedStep(bits, channels=len(layer.weight)), LearnedStep(bits)
    of_weight.calibrate(layer.weight)
    of_inputs.calibrate(x)
    return QuantisedLayer(layer, LearnedInput(of_inputs), bits, of_weight).eval()


def _levels(x: torch.Tensor, step: LearnedStep) -> torch.Tensor:
    shape = (-1, *(1 for _ in range(x.ndim - 1))) if step.channels else (-1,)
    return (x / step.step.view(shape)).round().clamp(*step.levels).to(torch.int64)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("positive", [True, False])
def test_equals_a_convolution_of_integers(bits: int, positive: bool) -> None:
    """Levels multiplied and added as integers, then scaled: zero padding is level zero, so nothing is left over."""
    torch.manual_seed(bits)
    layer, x = nn.Conv2d(3, 5, 3, 2, 1, bias=False), torch.randn(2, 3, 7, 7)
    x = x.relu() if positive else x
    quantised = _learned(layer, bits, x)
    inputs, weights = quantised._held[1].step, quantised._held[2]  # pyright: ignore
    assert weights is not None
    whole = nn.functional.conv2d(_levels(x, inputs).double(), _levels(layer.weight, weights).double(), None, 2, 1)
    expected = whole * weights.step.double().view(1, -1, 1, 1) * inputs.step.double()
    step = expected.abs().max() / 127
    with torch.no_grad():
        assert (quantised(x) - expected).abs().max() < 1e-4 * step, "far below one step of an 8-bit output"


def test_paper_arithmetic_by_its_formula() -> None:
    torch.manual_seed(0)
    layer, x = nn.Conv2d(3, 4, 3, 1, 1), torch.randn(4, 3, 6, 6)
    running = RunningRange()
    quantised = QuantisedLayer(layer, MinMaxInput(running, 4, stochastic=False), 6, None)
    low, high = x.flatten(1).amin(1).mean(), x.flatten(1).amax(1).mean()
    weight = quantize_min_max(layer.weight, layer.weight.min(), layer.weight.max(), 6)
    expected = nn.functional.conv2d(quantize_min_max(x, low, high, 4), weight, layer.bias, 1, 1)
    assert torch.equal(quantised(x), expected)
    assert torch.equal(quantised.eval()(x), expected), "one batch was seen, so its range is the running one"


def test_legacy_rounds_stochastically_in_evaluation_too() -> None:
    layer, x = nn.Linear(8, 8), torch.randn(4, 8)
    running = RunningRange()
    running.observe(x)
    noisy = QuantisedLayer(layer, MinMaxInput(running, 4, stochastic=True), 8, None).eval()
    assert not torch.equal(noisy(x), noisy(x))
    still = QuantisedLayer(layer, MinMaxInput(running, 4, stochastic=False), 8, None).eval()
    assert torch.equal(still(x), still(x))


def test_kept_weights_follow_every_change() -> None:
    layer, x = nn.Conv2d(2, 2, 1, bias=False), torch.randn(1, 2, 3, 3)
    quantised = _learned(layer, 8, x)
    with torch.no_grad():
        assert quantised.weight() is quantised.weight(), "computed once"
        before = quantised(x)
        layer.weight.mul_(0.5)
        assert not torch.allclose(quantised(x), before, atol=1e-3)
        layer.weight = nn.Parameter(torch.zeros_like(layer.weight))
        assert quantised(x).eq(0).all()
    assert quantised.weight().requires_grad


def test_subclasses_with_a_forward_of_their_own() -> None:
    class Scaled(nn.Conv2d):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return 3 * super().forward(input)

    torch.manual_seed(0)
    layer, x = Scaled(2, 3, 1), torch.randn(1, 2, 4, 4)
    quantised = _learned(layer, 8, x)
    plain = nn.Conv2d(2, 3, 1)
    plain.load_state_dict(layer.state_dict())
    assert torch.allclose(quantised(x), 3 * _learned(plain, 8, x)(x), atol=1e-6)
    assert torch.allclose(quantised(x), layer(x), atol=0.1)
