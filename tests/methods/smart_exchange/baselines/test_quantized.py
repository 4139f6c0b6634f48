"""Rounding by hand, the published peers' errors on Gaussian and Laplace weights, and any shape and size of values."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.baselines.distortion import relative_error
from netchip.methods.smart_exchange.baselines.quantized import quantize
from netchip.methods.smart_exchange.baselines.scheme import INT4, INT8, Scheme, scheme_named


def gaussian(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def laplace(*shape: int) -> Tensor:
    uniform = torch.rand(*shape, generator=torch.Generator().manual_seed(1)) - 0.5
    return -uniform.sign() * torch.log1p(-2 * uniform.abs())


def test_two_groups_by_hand() -> None:
    """Three bits, groups of 2: the scales are 0.5 and 2, the last group is short."""
    stored = quantize(torch.tensor([[1.5, -0.7, 6.0, 2.9, -3.0]]), Scheme(3, 2))
    assert stored.codes.tolist() == [[6, 2, 6, 4, 0]]
    assert (stored.scales.double() * 2.0**stored.exponent).tolist() == [[0.5, 2.0, 1.0]]
    assert stored.weight().tolist() == [[1.5, -0.5, 6.0, 2.0, -3.0]]
    assert stored.bits() == {"codes": 15, "scales": 48}


def test_an_affine_group_by_hand() -> None:
    """Two bits over [-1, 2]: a step of 1, zero is level 1."""
    stored = quantize(torch.tensor([[-1.0, -0.4, 0.6, 2.0]]), Scheme(2, 4, symmetric=False))
    assert stored.codes.tolist() == [[0, 1, 2, 3]]
    assert stored.weight().tolist() == [[-1.0, 0.0, 1.0, 2.0]]
    assert stored.bits() == {"codes": 8, "scales": 16, "zero_points": 2}


@pytest.mark.parametrize(
    ("name", "bits_per_weight", "on_gaussian", "on_laplace"),
    [
        ("int4-g64", 4.25, 0.108, 0.141),
        ("int3-g64", 3.25, 0.252, 0.316),
        ("int4", 4.028, 0.136, 0.203),
        ("int4-g64-affine", 4.3125, 0.091, 0.112),
        ("int8", 8.028, 0.0075, 0.0113),
    ],
)
def test_errors_on_blocks_of_192_by_3(name: str, bits_per_weight: float, on_gaussian: float, on_laplace: float) -> None:
    """Symmetric grids give the errors known of these peers; the affine grid of 16 levels is better at 1/16 bit more."""
    for weight, expected in ((gaussian(500, 576), on_gaussian), (laplace(500, 576), on_laplace)):
        stored = quantize(weight, scheme_named(name))
        assert relative_error(weight, stored.weight()) == pytest.approx(expected, rel=0.02)
        assert sum(stored.bits().values()) / weight.numel() == pytest.approx(bits_per_weight, abs=1e-3)


@given(
    shape=st.lists(st.integers(1, 7), min_size=2, max_size=5),
    bits=st.integers(2, 8),
    group=st.one_of(st.none(), st.integers(1, 70)),
    symmetric=st.booleans(),
    power=st.integers(-120, 120),
)
def test_every_weight_stays_within_a_step_of_its_group(
    shape: list[int], bits: int, group: int | None, symmetric: bool, power: int
) -> None:
    weight = gaussian(*shape) * 2.0**power
    stored = quantize(weight, Scheme(bits, group, symmetric=symmetric))
    rebuilt = stored.weight()
    assert rebuilt.shape == weight.shape
    step = stored.tiling.to_blocks(weight).abs().amax(dim=2) * (2.0 if bits > 2 else 2.01) / (2 ** (bits - 1) - 1)
    assert (stored.tiling.to_blocks((rebuilt - weight).abs()).amax(dim=2) <= step).all()
    assert int(stored.codes.max()) < stored.scheme.levels


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("factor", [1e-30, 1.0, 1e30])
def test_scale_does_not_matter(dtype: torch.dtype, factor: float) -> None:
    weight = (gaussian(64, 640).double() * factor).to(dtype)
    if not weight.isfinite().all() or not weight.any():
        weight = gaussian(64, 640).to(dtype) * (1e4 if factor > 1 else 1e-2)  # what float16 can hold
    stored = quantize(weight, INT4)
    assert stored.weight().dtype == dtype
    assert relative_error(weight, stored.weight()) == pytest.approx(0.108, rel=0.03)


def test_groups_of_very_different_size_keep_their_own_precision() -> None:
    weight = torch.cat([gaussian(100, 64) * scale for scale in (1e3, 1.0, 1e-3)], dim=1)
    assert relative_error(weight[:, 128:], quantize(weight, INT4).weight()[:, 128:]) == pytest.approx(0.108, rel=0.03)


def test_subnormal_float64_and_zero_weights() -> None:
    assert quantize(torch.zeros(2, 5), INT4).weight().eq(0).all()
    assert quantize(torch.full((2, 5), 5e-324, dtype=torch.float64), INT8).weight().isfinite().all()


def test_groups_of_a_transposed_convolution_run_along_its_filters() -> None:
    """[C=2, M=1, 1, 2]: the one filter holds both channels, so one scale serves all; as a filter each, there are two."""
    weight = torch.tensor([1.0, 0.4, 100.0, 50.0]).reshape(2, 1, 1, 2)
    transposed = quantize(weight, Scheme(4), transposed_groups=1)
    assert transposed.scales.shape == (1, 1)
    assert transposed.weight().flatten()[:2].tolist() == [0.0, 0.0]
    assert quantize(weight, Scheme(4)).scales.shape == (2, 1)


def test_weights_that_are_no_numbers() -> None:
    with pytest.raises(ConfigError, match="conv1: 2 of 3 values are NaN or infinite; repair them first"):
        quantize(torch.tensor([[1.0, torch.nan, torch.inf]]), INT4, name="conv1")
    with pytest.raises(ConfigError, match=r"torch.int8 values are not treated; give floating-point weights"):
        quantize(torch.ones(2, 2, dtype=torch.int8), INT4)
