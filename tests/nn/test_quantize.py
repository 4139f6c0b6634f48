"""Grids worked out by hand, and what must hold on any tensor."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.nn.quantize import (
    affine_grid,
    fake_quantize,
    levels_of,
    quantize_min_max,
    quantize_range,
    quantize_weight,
    symmetric_grid,
    values_of,
)

values = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40)


def test_symmetric_three_bits_by_hand() -> None:
    """Three bits: levels -3..3; the largest value 1.5 gives a step of 0.5."""
    x = torch.tensor([-1.5, -0.8, -0.2, 0.0, 0.3, 0.74, 1.3])
    assert quantize_weight(x[None], 3).tolist() == [[-1.5, -1.0, 0.0, 0.0, 0.5, 0.5, 1.5]]


def test_affine_two_bits_by_hand() -> None:
    """Four levels over [-1, 2]: step 1, zero is level 1."""
    assert quantize_range(torch.tensor([-1.0, -0.4, 0.6, 2.0]), 2).tolist() == [-1.0, 0.0, 1.0, 2.0]


def test_each_channel_has_its_own_grid() -> None:
    weight = torch.tensor([[1.0, 0.26], [100.0, 26.0]])
    assert quantize_weight(weight, 2).tolist() == [[1.0, 0.0], [100.0, 0.0]]
    assert quantize_weight(weight, 3)[0].tolist() == pytest.approx([1.0, 1 / 3])
    assert quantize_weight(weight, 3, per_channel=False)[0].tolist() == [0.0, 0.0]


def test_several_dimensions_give_a_grid_for_each_group() -> None:
    groups = torch.tensor([[[3.0, 1.4], [30.0, 14.0]], [[0.3, 0.14], [-6.0, 2.0]]])
    grid = symmetric_grid(groups, 3, channel_dim=(0, 1))
    assert grid.scale.shape == (2, 2, 1)
    assert levels_of(groups, grid).tolist() == [[[3, 1], [3, 1]], [[3, 1], [-3, 1]]]


@given(values, st.integers(2, 12), st.booleans())
def test_levels_are_whole_and_have_the_values_of_the_quantised(numbers: list[float], bits: int, affine: bool) -> None:
    x = torch.tensor(numbers)
    grid = affine_grid(x.amin(), x.amax(), bits) if affine else symmetric_grid(x, bits)
    levels = levels_of(x, grid)
    assert not levels.is_floating_point()
    assert grid.lowest <= levels.min()
    assert levels.max() <= grid.highest
    assert torch.equal(values_of(levels, grid), fake_quantize(x, grid))


def test_gradient_passes_inside_and_stops_outside() -> None:
    x = torch.tensor([-3.0, -0.5, 0.5, 3.0], requires_grad=True)
    fake_quantize(x, affine_grid(torch.tensor(-1.0), torch.tensor(1.0), 8)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 0.0]


@given(values, st.integers(2, 12))
@example([9.710998357770982e-43], 8)  # its scale would be a subnormal with three bits left
def test_symmetric_properties(numbers: list[float], bits: int) -> None:
    x = torch.tensor(numbers)
    grid = symmetric_grid(x, bits)
    once = fake_quantize(x, grid)
    assert torch.equal(fake_quantize(once, grid), once)
    assert ((once - x).abs() <= grid.scale / 2 * (1 + 1e-4)).all()
    assert torch.equal(fake_quantize(-x, grid), -once)
    assert len(once.unique()) <= 2**bits - 1


@given(values, st.integers(1, 12))
def test_affine_keeps_zero_and_stays_within_a_step(numbers: list[float], bits: int) -> None:
    x = torch.tensor([*numbers, 0.0])
    grid = affine_grid(x.amin(), x.amax(), bits)
    y = fake_quantize(x, grid)
    assert y[-1] == 0
    assert ((y - x).abs() <= grid.scale * (1 + 1e-4)).all()


def test_constant_zero_stays_zero() -> None:
    assert quantize_weight(torch.zeros(2, 3), 4).eq(0).all()
    assert quantize_range(torch.zeros(3), 4).eq(0).all()


@pytest.mark.parametrize("bits", [0, 1, 25])
def test_widths_that_make_no_grid(bits: int) -> None:
    with pytest.raises(ConfigError, match=f"bits = {bits}: a float32 grid needs 2 to 24 bits"):
        quantize_weight(torch.ones(1, 1), bits)


def test_min_max_two_bits_by_hand() -> None:
    """Levels 1, 2, 3, 4 over [1, 4]: zero is none of them; what lies outside is clamped and still has gradient 1."""
    x = torch.tensor([-9.0, 0.0, 1.4, 2.6, 9.0], requires_grad=True)
    y = quantize_min_max(x, torch.tensor(1.0), torch.tensor(4.0), 2)
    assert y.tolist() == [1.0, 1.0, 1.0, 3.0, 4.0]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0] * 5


@given(values, st.integers(1, 12))
def test_min_max_properties(numbers: list[float], bits: int) -> None:
    """At most 2^bits levels, monotone, within half a step, and once is enough."""
    x = torch.tensor(sorted(numbers))
    low, high = x.amin(), x.amax()
    y = quantize_min_max(x, low, high, bits)
    step = max((high - low).item() / (2**bits - 1), 1e-8)
    assert len(y.unique()) <= 2**bits
    assert (y.diff() >= 0).all()
    assert ((y - x).abs() <= step / 2 * (1 + 1e-3) + 1e-5).all()
    assert torch.allclose(quantize_min_max(y, low, high, bits), y, rtol=1e-6, atol=1e-5)


def test_min_max_noise_moves_a_value_to_either_neighbour() -> None:
    x, low, high = torch.full((1000,), 1.25), torch.tensor(0.0), torch.tensor(3.0)
    noise = torch.rand(1000, generator=torch.Generator().manual_seed(0)) - 0.5
    y = quantize_min_max(x, low, high, 2, noise=noise)
    assert set(y.tolist()) == {1.0, 2.0}
    assert y.mean().item() == pytest.approx(1.25, abs=0.05), "on average it is the value"
    with pytest.raises(ConfigError, match="bits = 0"):
        quantize_min_max(x, low, high, 0)
