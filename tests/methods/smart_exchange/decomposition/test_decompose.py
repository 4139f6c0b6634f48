"""The batched decomposition: hand-worked blocks, published and measured figures, awkward weights."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.decompose import Settings, decompose, decompose_traced
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.tiling import Tiling

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def relative_error(found: Tensor, wanted: Tensor) -> float:
    found, wanted = found.to(torch.float64), wanted.to(torch.float64)
    return float((found - wanted).norm() / wanted.norm())


def gaussian(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def laplace(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).laplace(size=shape)).to(torch.float32)


def conv_tiling(weight: Tensor) -> Tiling:
    """Blocks of 192 x 3 for a 3x3 convolution whose channels are a multiple of 64."""
    return Tiling(tuple(weight.shape), 3, slices=weight.shape[1] // 64)


# Blocks worked out by hand.


def test_powers_of_two_are_their_own_coefficients() -> None:
    weight = torch.tensor([[1.0, -0.5, 0.25], [0.125, 0.0, -1.0], [0.5, 0.5, 0.0625]])
    factored = decompose(weight, Tiling((3, 3), 3, stacked=3))
    assert factored.alphabet.top == 0
    assert factored.levels[0].tolist() == [[1, -2, 3], [4, 0, -1], [2, 2, 5]]
    assert factored.basis[0].tolist() == [[127, 0, 0], [0, 127, 0], [0, 0, 127]]
    assert torch.equal(factored.weight(), weight)


def test_one_column_is_scaled_by_least_squares() -> None:
    """|1 - b| and |3 - 4 b| are least at b = 13 / 17: C = (1, 4), B = 13 / 17."""
    weight = torch.tensor([[1.0], [3.0]])
    factored = decompose(weight, Tiling((2, 1), 1, stacked=2), iterations=1)
    basis = int(factored.basis[0, 0, 0]) * factored.basis_scale
    assert factored.levels[0].tolist() == [[3], [1]]
    assert factored.alphabet.top == 2
    assert basis == pytest.approx(13 / 17, rel=1e-6)
    assert relative_error(factored.weight(), weight) == pytest.approx(
        math.sqrt(4**2 + 1) / 17 / math.sqrt(10), rel=1e-4
    )


def test_a_basis_that_mixes_is_found() -> None:
    """W = C B with a B that is no diagonal: the refit alone gives it back once the coefficients are right."""
    levels = torch.randint(-7, 8, (1, 192, 3), generator=torch.Generator().manual_seed(1)).to(torch.int8)
    basis = torch.tensor([[[127, 20, -9], [15, 120, 6], [-12, 4, 111]]], dtype=torch.int8)
    tiling = Tiling((1, 64, 3, 3), 3)
    true = Factored(tiling, decompose(torch.ones(1, 64, 3, 3), tiling).alphabet, levels, basis, 1 / 127)
    near = decompose(true.weight(), tiling, element_threshold=0.0)
    dense = decompose(gaussian(1, 64, 3, 3), tiling, element_threshold=0.0)
    assert relative_error(near.weight(), true.weight()) < 0.5 * relative_error(dense.weight(), gaussian(1, 64, 3, 3))


# Figures measured with the original form (192 x 3 blocks of random numbers).


@pytest.mark.parametrize("draw", [gaussian, laplace])
def test_dense_error_of_random_weights(draw) -> None:
    weight = draw(64, 128, 3, 3)
    factored, trace = decompose_traced(weight, conv_tiling(weight), Settings(element_threshold=0.0))
    assert 0.175 <= relative_error(factored.weight(), weight) <= 0.19
    assert 0.187 <= trace.errors[0] <= 0.195
    assert len(trace.errors) == 30
    assert trace.errors[-1] == pytest.approx(relative_error(factored.weight(), weight), rel=1e-4)


def test_the_kept_error_never_rises_though_the_threshold_makes_rounds_worse() -> None:
    weight = gaussian(64, 128, 3, 3)
    _, trace = decompose_traced(weight, conv_tiling(weight), Settings(element_threshold=0.4))
    assert all(later <= earlier for earlier, later in zip(trace.errors, trace.errors[1:], strict=False))


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e30])
def test_scale_does_not_matter(scale: float) -> None:
    weight = gaussian(8, 64, 3, 3)
    plain = decompose(weight, conv_tiling(weight))
    scaled = decompose(weight * scale, conv_tiling(weight))
    assert relative_error(scaled.weight(), weight * scale) == pytest.approx(
        relative_error(plain.weight(), weight), rel=0.03
    )


def test_a_power_of_two_of_the_weight_has_the_same_factors() -> None:
    weight = gaussian(8, 64, 3, 3)
    plain, scaled = decompose(weight, conv_tiling(weight)), decompose(weight * 2.0**-90, conv_tiling(weight))
    assert torch.equal(plain.levels, scaled.levels)
    assert torch.equal(plain.basis, scaled.basis)
    assert scaled.alphabet.top == plain.alphabet.top - 90


@pytest.mark.parametrize(("threshold", "low", "high"), [(0.05, 0.03, 0.06), (0.1, 0.07, 0.1), (0.5, 0.36, 0.42)])
def test_element_threshold_is_relative_to_the_root_mean_square(threshold: float, low: float, high: float) -> None:
    """P(|x| < 0.1) = 8.0 % and P(|x| < 0.5) = 38.3 % of Gaussian values; at 0.05 the smallest power decides."""
    for scale in (1e-2, 1.0, 1e2):
        weight = gaussian(64, 128, 3, 3) * scale
        factored = decompose(weight, conv_tiling(weight), element_threshold=threshold)
        assert low <= float((factored.levels == 0).float().mean()) <= high


def test_more_bits_are_no_worse_and_two_bits_are_much_worse() -> None:
    weight = gaussian(16, 64, 3, 3)
    errors = [
        relative_error(decompose(weight, conv_tiling(weight), bits=bits).weight(), weight) for bits in range(2, 9)
    ]
    assert errors[0] > 2 * errors[2]
    assert errors[-1] <= errors[2] * 1.01


def test_rounding_the_basis_inside_costs_little() -> None:
    weight = gaussian(32, 64, 3, 3)
    inside = decompose(weight, conv_tiling(weight))
    after = decompose(weight, conv_tiling(weight), quantise_basis=False)
    assert abs(relative_error(inside.weight(), weight) - relative_error(after.weight(), weight)) < 0.003


# Warm starts.


@pytest.mark.parametrize("dtype", DTYPES)
def test_projecting_twice_changes_nothing(dtype: torch.dtype) -> None:
    weight = gaussian(16, 64, 3, 3, dtype=dtype) * 0.02
    tiling = conv_tiling(weight)
    once = decompose(weight, tiling)
    twice, trace = decompose_traced(once.weight(), tiling, warm=once)
    assert torch.equal(twice.weight(), once.weight())
    assert torch.equal(twice.levels, once.levels)
    assert trace.errors == ()


def test_from_a_cold_start_projecting_twice_does_change_the_weight() -> None:
    weight = gaussian(64, 64, 3, 3)
    once = decompose(weight, conv_tiling(weight)).weight()
    assert 0.001 < relative_error(decompose(once, conv_tiling(weight)).weight(), once) < 0.03


def test_after_a_small_update_a_warm_start_is_better_in_one_iteration_than_a_cold_one_in_thirty() -> None:
    weight = gaussian(64, 64, 3, 3)
    tiling = conv_tiling(weight)
    once = decompose(weight, tiling)
    moved = once.weight() + 0.02 * once.weight().std() * gaussian(64, 64, 3, 3, seed=1)
    warm = relative_error(decompose(moved, tiling, warm=once, iterations=1).weight(), moved)
    assert 0.019 < warm < 0.0205
    assert warm < relative_error(decompose(moved, tiling).weight(), moved)


def test_blocks_that_did_not_move_keep_their_factors() -> None:
    weight = gaussian(8, 64, 3, 3)
    tiling = conv_tiling(weight)
    once = decompose(weight, tiling)
    moved = once.weight()
    moved[3] += 0.05 * gaussian(64, 3, 3)
    twice, trace = decompose_traced(moved, tiling, warm=once)
    assert trace.errors[-1] == pytest.approx(relative_error(twice.weight(), moved), rel=1e-4)
    same = (twice.levels == once.levels).flatten(1).all(1) & (twice.basis == once.basis).flatten(1).all(1)
    assert same.tolist() == [index != 3 for index in range(8)]


@pytest.mark.parametrize("growth", [0.01, 0.6, 1.7, 100.0])
def test_a_warm_start_follows_weights_that_grow_or_shrink(growth: float) -> None:
    weight = gaussian(16, 64, 3, 3)
    tiling = conv_tiling(weight)
    once = decompose(weight, tiling)
    later = decompose(weight * growth, tiling, warm=once)
    assert relative_error(later.weight(), weight * growth) < 0.2


def test_a_block_that_was_empty_can_come_back() -> None:
    weight = gaussian(4, 64, 3, 3)
    tiling = conv_tiling(weight)
    mask = torch.ones(4, 192, dtype=torch.bool)
    mask[2] = False
    once = decompose(weight, tiling, row_mask=mask)
    assert not once.basis[2].any()
    assert not once.weight()[2].any()
    assert relative_error(decompose(weight, tiling, warm=once).weight(), weight) < 0.2


# Row masks.


def test_masked_rows_are_zero_and_the_others_do_not_see_them() -> None:
    weight = gaussian(8, 64, 3, 3)
    tiling = conv_tiling(weight)
    mask = torch.rand(8, 192, generator=torch.Generator().manual_seed(3)) < 0.5
    factored, trace = decompose_traced(weight, tiling, row_mask=mask)
    assert not factored.kept_rows[~mask].any()
    zeroed = tiling.from_blocks(tiling.to_blocks(weight) * mask.unsqueeze(-1))
    alone = relative_error(factored.weight(), zeroed)
    assert alone < 0.19
    assert trace.errors[-1] == pytest.approx(relative_error(factored.weight(), weight), rel=1e-4)


def test_a_mask_of_nothing_leaves_nothing() -> None:
    weight = gaussian(4, 64, 3, 3)
    factored = decompose(weight, conv_tiling(weight), row_mask=torch.zeros(4, 192, dtype=torch.bool))
    assert not factored.levels.any()
    assert not factored.basis.any()
    assert not factored.weight().any()


# Awkward weights.

AWKWARD = {
    "zero": torch.zeros(4, 5, 3, 3),
    "constant": torch.full((4, 5, 3, 3), 0.37),
    "rank one": (torch.arange(1.0, 61).reshape(60, 1) * torch.tensor([1.0, -2.0, 0.5])).reshape(4, 5, 3, 3),
    "one column": torch.tensor([0.0, 1.0, 0.0]) * gaussian(4, 5, 3, 3),
    "one zero block": gaussian(4, 5, 3, 3) * torch.tensor([1.0, 0.0, 1.0, 1.0]).reshape(4, 1, 1, 1),
    "one value": torch.nn.functional.pad(torch.ones(1, 1, 1, 1), (0, 2, 0, 2, 0, 4, 0, 3)),
    "one huge value": torch.nn.functional.pad(torch.full((1, 1, 1, 1), 1e6), (2, 0, 2, 0, 4, 0, 3, 0))
    + gaussian(4, 5, 3, 3),
    "equal columns": gaussian(4, 5, 3, 1).expand(4, 5, 3, 3),
}


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_weights(kind: str, bits: int) -> None:
    weight = AWKWARD[kind].contiguous()
    factored = decompose(weight, Tiling(tuple(weight.shape), 3), bits=bits)
    found = factored.weight()
    assert found.isfinite().all()
    assert (found - weight).norm() <= (0.75 if bits == 2 else 0.25) * weight.norm()
    assert not found[weight.flatten(1).norm(dim=1) == 0].any()
    assert not factored.basis[~factored.kept_blocks].any()
    assert factored.basis_scale > 0


def test_a_constant_block_is_exact_to_the_basis_step() -> None:
    weight = AWKWARD["constant"]
    assert relative_error(decompose(weight, Tiling(tuple(weight.shape), 3)).weight(), weight) < 0.01


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (13, 31), (1, 1, 3, 3), (5, 1, 3, 3), (3, 2, 5)])
def test_small_and_prime_shapes(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    weight = gaussian(*shape, dtype=dtype)
    factored = decompose(weight, Tiling(shape, 3))
    assert factored.dtype == dtype
    assert factored.weight().shape == shape
    assert relative_error(factored.weight(), weight) < 0.25


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_largest_values_of_a_type_stay_finite(dtype: torch.dtype) -> None:
    weight = torch.full((4, 64, 3, 3), torch.finfo(dtype).max, dtype=dtype) * gaussian(4, 64, 3, 3, dtype=dtype).sign()
    found = decompose(weight, conv_tiling(weight)).weight()
    assert found.isfinite().all()
    assert float((found / torch.finfo(dtype).max - weight / torch.finfo(dtype).max).norm()) < 0.5 * math.sqrt(
        weight.numel()
    )


@given(
    filters=st.integers(1, 5),
    channels=st.integers(1, 7),
    width=st.integers(1, 11),
    exponent=st.integers(-60, 60),
    seed=st.integers(0, 1000),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_any_tiling_rebuilds_something_near(
    filters: int, channels: int, width: int, exponent: int, seed: int, data: st.DataObject
) -> None:
    shape = (filters, channels, 3)
    rows = -(-channels * 3 // width)
    slices = data.draw(st.integers(1, rows))
    stacked = data.draw(st.integers(1, filters)) if slices == 1 else 1
    weight = gaussian(*shape, seed=seed) * 2.0**exponent
    factored = decompose(weight, Tiling(shape, width, slices=slices, stacked=stacked), iterations=5)
    found = factored.weight()
    assert found.isfinite().all()
    assert relative_error(found, weight) < 0.4
    assert factored.levels.abs().max() <= factored.alphabet.powers


def test_the_same_weight_gives_the_same_factors() -> None:
    weight = gaussian(64, 64, 3, 3)
    first, second = (decompose(weight, conv_tiling(weight)) for _ in range(2))
    assert torch.equal(first.levels, second.levels)
    assert torch.equal(first.basis, second.basis)
    assert first.basis_scale == second.basis_scale


def test_the_weight_is_left_alone_and_may_need_a_gradient() -> None:
    weight = gaussian(4, 64, 3, 3).requires_grad_()
    before = weight.detach().clone()
    factored = decompose(weight, conv_tiling(weight))
    assert torch.equal(weight, before)
    assert not factored.weight().requires_grad


# Refusals.


def test_refuses_nan_and_infinity() -> None:
    weight = gaussian(2, 64, 3, 3)
    weight[0, 0, 0, 0], weight[1, 1, 1, 1] = math.nan, math.inf
    with pytest.raises(ConfigError, match=r"features\.0\.weight: 2 of 1152 values are NaN or infinite"):
        decompose(weight, conv_tiling(weight), name="features.0.weight")


def test_refuses_what_is_no_float() -> None:
    with pytest.raises(ConfigError, match=r"torch\.int8 cannot be decomposed"):
        decompose(torch.ones(2, 3, dtype=torch.int8), Tiling((2, 3), 3))


def test_refuses_a_tiling_of_another_shape() -> None:
    with pytest.raises(ConfigError, match=r"its shape is \(2, 3\), but the tiling is for \(3, 3\)"):
        decompose(torch.ones(2, 3), Tiling((3, 3), 3))


def test_refuses_masks_and_factors_of_another_tiling() -> None:
    weight = gaussian(2, 64, 3, 3)
    with pytest.raises(ConfigError, match=r"row_mask is torch\.bool \(2, 3\)"):
        decompose(weight, conv_tiling(weight), row_mask=torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ConfigError, match="warm has the factors of"):
        decompose(weight, conv_tiling(weight), bits=5, warm=decompose(weight, conv_tiling(weight)))


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"bits": 9}, "2 to 8 bits"),
        ({"iterations": 0}, "iterations = 0"),
        ({"element_threshold": -1.0}, "element_threshold = -1.0"),
        ({"ridge": 0.0}, "ridge = 0.0"),
    ],
)
def test_refuses_settings_out_of_range(given_: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings(**given_)
