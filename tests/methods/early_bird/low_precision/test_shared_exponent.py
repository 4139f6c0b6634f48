"""Block floating point worked out by hand, against exact fractions, and what must hold on any tensor."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.methods.early_bird.low_precision import shared_exponent
from netchip.methods.early_bird.low_precision.shared_exponent import check_bits, quantize_block, quantize_together

FLOAT32 = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False).filter(
    lambda x: x == 0 or abs(x) > 2.0**-80
)
BLOCK = st.lists(FLOAT32, min_size=1, max_size=12)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def step_of(block: list[float], bits: int) -> Fraction:
    """2^(floor(log2 max|x|) - (bits - 2)), exactly; the block is not all zero."""
    exponent = math.frexp(max(abs(x) for x in block))[1] - 1
    return Fraction(2) ** (exponent - (bits - 2))


def neighbours(x: float, step: Fraction, bits: int) -> set[Fraction]:
    """The grid values below and above `x`, clipped to the range."""
    highest = 2 ** (bits - 1) - 1
    level = Fraction(x) / step
    return {max(-highest, min(highest, each)) * step for each in (math.floor(level), math.ceil(level))}


def nearest(x: float, step: Fraction, bits: int) -> Fraction:
    highest = 2 ** (bits - 1) - 1
    return max(-highest, min(highest, round(Fraction(x) / step))) * step


def in_one_block(block: list[float], **settings: object) -> list[float]:
    return quantize_block(torch.tensor(block), dim=None, **settings).tolist()  # type: ignore[arg-type]


# By hand ---------------------------------------------------------------------------------------------------------------


def test_four_bits_by_hand() -> None:
    """The largest value 1.9 has E = 0: step 1/4, range +-(2 - 1/4). -1.9 is clipped, 0.125 is a half and goes to even."""
    block = [1.0, 0.3, 0.125, -0.375, 0.0, -1.9]
    assert in_one_block(block, bits=4, rounding="nearest") == [1.0, 0.25, 0.0, -0.5, 0.0, -1.75]


def test_eight_bits_have_six_after_the_point() -> None:
    """E = 1 for 3.0: step 1/32, range +-(4 - 1/32)."""
    assert in_one_block([3.0, 1 / 32, 1 / 96, 3.999], rounding="nearest") == [3.0, 1 / 32, 0.0, 4 - 1 / 32]


def test_two_bits_are_a_sign_and_a_power_of_two() -> None:
    assert in_one_block([1.4, -0.7, 0.2], bits=2, rounding="nearest") == [1.0, -1.0, 0.0]


@pytest.mark.parametrize("power", [-110, -20, -1, 0, 1, 7, 100, 127])
def test_the_exponent_changes_exactly_at_a_power_of_two(power: int) -> None:
    """2^k has E = k; the float below it E = k - 1, whose highest value is 2^k - step."""
    at = 2.0**power
    below = float(torch.nextafter(torch.tensor(at), torch.tensor(0.0)))
    assert in_one_block([at, at * 2.0**-6], rounding="stochastic") == [at, at * 2.0**-6]
    assert in_one_block([at, at * 2.0**-7], rounding="nearest") == [at, 0.0]
    assert in_one_block([below, at * 2.0**-7], rounding="nearest") == [at - at * 2.0**-7, at * 2.0**-7]


def test_the_largest_float_is_clipped_and_stays_finite() -> None:
    largest = torch.finfo(torch.float32).max
    assert in_one_block([largest, -largest]) == [2.0**128 - 2.0**121, -(2.0**128) + 2.0**121]


# Blocks ----------------------------------------------------------------------------------------------------------------

TWO = torch.tensor([[1.0, 0.2], [10.0, 0.2]])


@pytest.mark.parametrize(
    ("dim", "expected"),
    [
        (0, [[1.0, 0.25], [10.0, 0.0]]),
        (-2, [[1.0, 0.25], [10.0, 0.0]]),
        (1, [[0.0, 0.1875], [10.0, 0.1875]]),
        (-1, [[0.0, 0.1875], [10.0, 0.1875]]),
        (None, [[0.0, 0.0], [10.0, 0.0]]),
    ],
)
def test_one_exponent_for_each_entry_of_dim(dim: int | None, expected: list[list[float]]) -> None:
    """Four bits: steps 1/4 and 2 for the rows; 2 and 1/32 for the columns; 2 for all (1.0 is a half and goes to 0)."""
    assert quantize_block(TWO, bits=4, dim=dim, rounding="nearest").tolist() == expected


def test_every_dim_of_a_4d_tensor_is_that_of_its_slices() -> None:
    x = torch.randn(3, 4, 2, 5, generator=seeded())
    for dim in range(4):
        slices = [quantize_block(each, bits=5, dim=None, rounding="nearest") for each in x.unbind(dim)]
        assert torch.equal(quantize_block(x, bits=5, dim=dim, rounding="nearest"), torch.stack(slices, dim))


def test_a_1d_tensor_has_an_exponent_an_element() -> None:
    """Three bits keep two digits of each: 0.3 lies between 0.25 and 0.375, E = -2."""
    x = torch.tensor([100.0, 0.3, 0.0, -5.0])
    assert quantize_block(x, bits=3, rounding="nearest").tolist() == [96.0, 0.25, 0.0, -4.0]


@pytest.mark.parametrize("dim", [0, -1, None])
def test_a_0d_tensor_is_one_block(dim: int | None) -> None:
    assert quantize_block(torch.tensor(0.3), bits=3, dim=dim, rounding="nearest").shape == ()
    assert quantize_block(torch.tensor(0.3), bits=3, dim=dim, rounding="nearest").item() == 0.25


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4)])
def test_an_empty_tensor_stays_empty(shape: tuple[int, ...]) -> None:
    for dim in (0, -1, None):
        assert quantize_block(torch.empty(shape), dim=dim).shape == shape


def test_the_input_is_left_alone_and_the_memory_format_is_kept() -> None:
    x = torch.randn(2, 4, 3, 3, generator=seeded()).to(memory_format=torch.channels_last)
    before = x.clone()
    result = quantize_block(x, rounding="nearest")
    assert torch.equal(x, before)
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(result, quantize_block(x.contiguous(), rounding="nearest"))


def test_no_gradient_passes() -> None:
    assert not quantize_block(torch.ones(2, requires_grad=True)).requires_grad


# Types and extremes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_every_float_type_holds_the_grid_exactly(dtype: torch.dtype, rounding: str) -> None:
    x = torch.randn(6, 50, generator=seeded()).to(dtype)
    result = quantize_block(x, rounding=rounding, generator=seeded(1))  # type: ignore[arg-type]
    assert result.dtype == dtype
    for row, found in zip(x.double().tolist(), result.double().tolist(), strict=True):
        step = step_of(row, 8)
        assert all(Fraction(f) in neighbours(r, step, 8) for r, f in zip(row, found, strict=True))


@pytest.mark.parametrize(("dtype", "most"), [(torch.bfloat16, 9), (torch.float16, 12), (torch.float32, 25)])
def test_the_most_bits_of_a_type_still_hold_every_value(dtype: torch.dtype, most: int) -> None:
    highest = 2 ** (most - 1) - 1
    x = torch.tensor([[float(highest), -float(highest), 1.0, -1.0, 2.0 ** (most - 2)]])
    scaled = (x * 2.0 ** -(most - 2)).to(dtype)
    for _ in range(20):
        assert torch.equal(quantize_block(scaled, bits=most), scaled)
    with pytest.raises(ConfigError, match=rf"bits = {most + 1}: .*2 to {most} bits"):
        quantize_block(scaled, bits=most + 1)


def test_zeros_stay_zero() -> None:
    assert quantize_block(torch.zeros(3, 4)).eq(0).all()
    assert quantize_block(torch.tensor([[0.0, 0.0], [1.0, 0.0]])).tolist() == [[0.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_block_that_is_not_finite_becomes_nan_and_no_other(bad: float, rounding: str) -> None:
    x = torch.tensor([[1.0, bad], [0.0, 0.0], [2.0, 1.0]])
    result = quantize_block(x, rounding=rounding)  # type: ignore[arg-type]
    assert result[0].isnan().all()
    assert torch.equal(result[1:], x[1:])


def test_subnormal_numbers_are_rounded_to_the_smallest_normal_step() -> None:
    tiny = torch.finfo(torch.float32).tiny
    draws = torch.stack([quantize_block(torch.tensor([tiny / 4, -tiny / 1024])) for _ in range(400)])
    assert set(draws.unique().tolist()) <= {0.0, tiny, -tiny}
    assert 0.15 < draws[:, 0].eq(tiny).float().mean() < 0.35


# Properties ------------------------------------------------------------------------------------------------------------


@given(BLOCK, st.integers(2, 16))
def test_nearest_is_the_exact_fraction(block: list[float], bits: int) -> None:
    found = in_one_block(block, bits=bits, rounding="nearest")
    if not any(block):
        assert found == block
        return
    step = step_of(block, bits)
    assert [Fraction(each) for each in found] == [nearest(x, step, bits) for x in block]


@given(BLOCK, st.integers(2, 16), st.integers(0, 1000))
def test_stochastic_gives_a_neighbour_and_then_stays(block: list[float], bits: int, seed: int) -> None:
    found = in_one_block(block, bits=bits, generator=seeded(seed))
    if any(block):
        step = step_of(block, bits)
        assert all(Fraction(each) in neighbours(x, step, bits) for x, each in zip(block, found, strict=True))
    assert in_one_block(found, bits=bits, generator=seeded(seed + 1)) == found


@given(BLOCK, st.integers(-20, 20))
def test_powers_of_two_scale_through(block: list[float], power: int) -> None:
    scaled = in_one_block([x * 2.0**power for x in block], rounding="nearest")
    assert scaled == [x * 2.0**power for x in in_one_block(block, rounding="nearest")]


@pytest.mark.parametrize("bits", [2, 8, 16])
def test_every_value_of_the_grid_is_unchanged_by_any_draw(bits: int) -> None:
    highest = 2 ** (bits - 1) - 1
    levels = torch.arange(-highest, highest + 1, dtype=torch.float32)[None] * 2.0**-5
    for seed in range(30):
        assert torch.equal(quantize_block(levels, bits=bits, generator=seeded(seed)), levels)


def test_a_draw_just_below_one_does_not_lift_a_value_of_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32 127 + (1 - 2^-24) is 128: a sum of level and draw would round up."""

    def highest_draw(tensor: torch.Tensor, **_: object) -> torch.Tensor:
        return tensor.fill_(1 - 2.0**-24)

    monkeypatch.setattr(torch.Tensor, "uniform_", highest_draw)
    assert in_one_block([127 / 64, -127 / 64, 126.5 / 64]) == [127 / 64, -127 / 64, 126 / 64]


def test_stochastic_rounding_is_unbiased() -> None:
    """Means of 40,000 draws lie within five standard errors; shares 0.001 to 0.999 of a step, both signs."""
    shares = torch.tensor([0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999], dtype=torch.float64)
    levels = torch.cat([5 + shares, -5 - shares, shares, -shares, torch.tensor([64.0], dtype=torch.float64)])
    x = (levels / 64).float()
    draws = quantize_block(x.expand(40_000, -1).contiguous(), generator=seeded()).double() * 64
    error = (draws.mean(0) - x.double() * 64).abs()
    share = x.double() * 64 - (x.double() * 64).floor()
    assert (error <= 5 * (share * (1 - share) / 40_000).sqrt() + 1e-12).all()


def test_draws_come_from_the_generator_that_is_given() -> None:
    x = torch.randn(4, 100, generator=seeded())
    before = torch.get_rng_state()
    first, again = (quantize_block(x, generator=seeded(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, quantize_block(x, generator=seeded(4)))
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(quantize_block(x), quantize_block(x))


# Many at once ----------------------------------------------------------------------------------------------------------


def several() -> list[torch.Tensor]:
    random = seeded(7)
    shapes = [(4, 3, 3, 3), (6,), (), (0,), (5, 7), (3, 0), (2, 3, 4)]
    tensors = [torch.randn(shape, generator=random) * 10.0**i for i, shape in enumerate(shapes)]
    transposed = torch.randn(6, 4, generator=random).t()
    last = torch.randn(3, 4, 2, 2, generator=random).to(memory_format=torch.channels_last)
    return [*tensors, transposed, last]


def blocks_of(tensor: torch.Tensor) -> list[list[float]]:
    return tensor.reshape(tensor.shape[0] if tensor.dim() else 1, -1).tolist() if tensor.numel() else []


@pytest.mark.parametrize("batch", [1, 40, 2**17])
def test_together_every_tensor_gets_its_own_blocks(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_exponent, "_BATCH", batch)
    tensors = several()
    before = [blocks_of(tensor) for tensor in tensors]
    quantize_together(tensors, bits=5, generator=seeded())
    for tensor, blocks in zip(tensors, before, strict=True):
        for block, found in zip(blocks, blocks_of(tensor), strict=True):
            step = step_of(block, 5)
            assert all(Fraction(f) in neighbours(x, step, 5) for x, f in zip(block, found, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_together_keeps_the_type(dtype: torch.dtype) -> None:
    tensors = [tensor.to(dtype) for tensor in several()[:3]]
    quantize_together(tensors, bits=5)
    assert all(tensor.dtype == dtype for tensor in tensors)
    once = [tensor.clone() for tensor in tensors]
    quantize_together(tensors, bits=5)
    assert all(torch.equal(a, b) for a, b in zip(once, tensors, strict=True))


def test_together_is_unbiased() -> None:
    total = [torch.zeros(4, 6), torch.zeros(5)]
    exact = [torch.randn(each.shape, generator=seeded(i)) for i, each in enumerate(total)]
    for seed in range(2000):
        drawn = [each.clone() for each in exact]
        quantize_together(drawn, bits=4, generator=seeded(seed))
        torch._foreach_add_(total, drawn)  # pyright: ignore
    for mean, x in zip(total, exact, strict=True):
        blocks = blocks_of(x)
        for row, (block, found) in enumerate(zip(blocks, blocks_of(mean / 2000), strict=True)):
            step = float(step_of(block, 4))
            inside = [abs(each) < 7 * step for each in block]
            close = [abs(a - b) < 5 * step / 2 / 2000**0.5 for a, b in zip(block, found, strict=True)]
            assert all(near or not within for near, within in zip(close, inside, strict=True)), row


def test_together_keeps_nan_in_its_block_and_takes_an_empty_list() -> None:
    first, second = torch.tensor([[1.0, math.nan], [1.0, 0.5]]), torch.tensor([math.inf, 0.0, 3.0])
    quantize_together([first, second])
    assert first[0].isnan().all()
    assert first[1].tolist() == [1.0, 0.5]
    assert second[0].isnan()
    assert second[1:].tolist() == [0.0, 3.0]
    quantize_together([])
    quantize_together([torch.empty(0)])


# Refused ---------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_rounded_is_refused() -> None:
    x = torch.ones(2, 2)
    with pytest.raises(ConfigError, match=r"x is of type torch.int64; block floating point is for real floating"):
        quantize_block(torch.ones(2, dtype=torch.int64))
    with pytest.raises(ConfigError, match="complex64"):
        quantize_together([torch.ones(2, dtype=torch.complex64)])
    with pytest.raises(ConfigError, match=r"dim = 2: x has 2 dimensions; None makes one block"):
        quantize_block(x, dim=2)
    with pytest.raises(ConfigError, match="dim = -3"):
        quantize_block(x, dim=-3)
    with pytest.raises(ConfigError, match="dim = 1: x has 0 dimensions"):
        quantize_block(torch.tensor(1.0), dim=1)
    with pytest.raises(ConfigError, match="rounding = 'up': there are stochastic, nearest"):
        quantize_block(x, rounding="up")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"bits = 1: .* float32 has 2 to 25 bits"):
        check_bits(1, [torch.float32])
